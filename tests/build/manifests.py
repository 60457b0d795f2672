"""The Kubernetes manifests as kustomize would put them together, as far as ours ask of it."""

import copy
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from installation import Part

FOLDER = "deploy/kubernetes"
WORKLOADS = {"Deployment", "StatefulSet", "CronJob"}
Document = dict[str, Any]


def overlay(root: Path, name: str) -> list[Document]:
    """Return all documents of the overlay *name*."""
    return kustomize(root / FOLDER / "overlays" / name)


def kustomize(folder: Path) -> list[Document]:
    """Return what ``kubectl kustomize`` prints, but for the hashes in names.

    Raises:
        NotImplementedError: the folder asks for something else than ours do.
    """
    asked = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found = [document for name in asked["resources"] for document in _resources(folder / name)]
    found += [_config_map(folder, each) for each in asked.get("configMapGenerator", ())]
    for document in found:
        for change in (_labels, _namespace, _patches, _images):
            change(document, asked)
    known = {"apiVersion", "kind", "resources", "configMapGenerator", "labels", "namespace", "patches", "images"}
    if asked.keys() - known:
        raise NotImplementedError(asked.keys() - known)
    return found


def pods(documents: list[Document]) -> dict[str, Document]:
    """Return the pod templates, by the name of what makes them."""
    return {document["metadata"]["name"]: template(document) for document in documents if document["kind"] in WORKLOADS}


def template(document: Document) -> Document:
    """Return the pod template of a workload."""
    spec = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document["spec"]
    found: Document = spec["template"]
    return found


def containers(documents: list[Document]) -> dict[str, Document]:
    """Return all containers by name, those that only prepare something among them."""
    specs = [pod["spec"] for pod in pods(documents).values()]
    return {each["name"]: each for spec in specs for each in (*spec.get("initContainers", ()), *spec["containers"])}


def made_secrets(root: Path, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what ``secrets.sh`` makes, by the names of secret and key."""
    text = subprocess.run(
        [root / FOLDER / "secrets.sh"],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(text)}


def parts(root: Path, name: str, store: Mapping[str, str]) -> dict[str, Part]:
    """Return what the overlay starts, with secrets made up and with the settings of *store*."""
    documents, hidden = overlay(root, name), made_secrets(root, store)
    shared = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "ConfigMap"}
    return {
        each: Part(
            _target(container),
            container.get("command") or container.get("args") or [],
            {key: str(value) for key, value in environment(container, shared, hidden, store).items()},
            container.get("livenessProbe", {}).get("exec", {}).get("command", []),
        )
        for each, container in containers(documents).items()
    }


def environment(
    container: Document,
    shared: Mapping[str, Mapping[str, str]],
    hidden: Mapping[str, Mapping[str, str]],
    store: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables of a container; *store* stands for what who installs would write into the settings."""
    found = {key: value for each in container.get("envFrom", ()) for key, value in shared[_name(each)].items()}
    found = {key: store.get(key, value) for key, value in found.items()}
    for each in container.get("env", ()):
        asked = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = hidden[asked["name"]][asked["key"]] if asked else each["value"]
    return found


def _name(source: Document) -> str:
    found: str = source["configMapRef"]["name"]
    return found


def _target(container: Document) -> str | None:
    found = re.search(r"(?:^|/)modelpress-([a-z-]+)", container["image"])
    return found[1] if found else None


def _resources(path: Path) -> Iterator[Document]:
    yield from kustomize(path) if path.is_dir() else yaml.safe_load_all(path.read_text())


def _config_map(folder: Path, asked: Document) -> Document:
    lines = [line for name in asked.get("envs", ()) for line in (folder / name).read_text().splitlines()]
    data = {key: value for key, _, value in (line.partition("=") for line in lines)}
    data |= {name: (folder / name).read_text() for name in asked.get("files", ())}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": asked["name"]}, "data": data}


def _labels(document: Document, asked: Document) -> None:
    for each in asked.get("labels", ()):
        assert each.keys() == {"pairs", "includeTemplates"}
        for labelled in (document, *_made_from(document)):
            labelled.setdefault("metadata", {}).setdefault("labels", {}).update(each["pairs"])


def _made_from(document: Document) -> Iterator[Document]:
    if document["kind"] in WORKLOADS:
        yield template(document)
        yield from document["spec"].get("volumeClaimTemplates", ())
    if document["kind"] == "CronJob":
        yield document["spec"]["jobTemplate"]


def _namespace(document: Document, asked: Document) -> None:
    if "namespace" in asked and document["kind"] != "Namespace":
        document["metadata"]["namespace"] = asked["namespace"]


def _patches(document: Document, asked: Document) -> None:
    for each in asked.get("patches", ()):
        if each["target"] == {"kind": document["kind"], "name": document["metadata"]["name"]}:
            for step in yaml.safe_load(each["patch"]):
                _patch(document, step)


def _patch(document: Any, step: Document) -> None:
    *way, last = [word.replace("~1", "/") for word in step["path"].split("/")[1:]]
    for word in way:
        document = document[int(word) if isinstance(document, list) else word]
    if step["op"] == "remove":
        del document[last]
    else:
        assert (last in document) == (step["op"] == "replace"), step
        document[last] = copy.deepcopy(step["value"])


def _images(document: Document, asked: Document) -> None:
    if document["kind"] not in WORKLOADS:
        return
    for container in containers([document]).values():
        for each in asked.get("images", ()):
            if container["image"] == each["name"]:
                container["image"] = f"{each['newName']}:{each['newTag']}"
