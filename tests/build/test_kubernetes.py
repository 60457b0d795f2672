"""The Kubernetes manifests, tried without a cluster; `test_installations.py` runs what they run."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import composition
import jsonschema
import kubernetes_validate
import promql_parser
import pytest
import shown
import variables
import yaml
from dockerfile import stages
from manifests import FOLDER, WORKLOADS, Document, containers, made_secrets, overlay, parts, pods

from jobs.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
OVERLAYS = ("cpu", "gpu")
VERSIONS = ("1.30", "1.37")
"""The first that lets a container sleep before it stops, and the last that the validator knows."""
OURS = {"bucket", "service", "worker", "janitor", "courier", "collector"}
STORE = {"MODELPRESS_S3_ACCESS_KEY": "key", "MODELPRESS_S3_SECRET_KEY": "secret", "MODELPRESS_HUB_TOKEN": "token"}
UNITS = {"Mi": 2**20, "Gi": 2**30}


@cache
def documents(name: str) -> list[Document]:
    """Return what an overlay comes to."""
    return overlay(ROOT, name)


def of_kind(name: str, kind: str) -> list[Document]:
    """Return the documents of one kind."""
    return [each for each in documents(name) if each["kind"] == kind]


def size(text: str) -> int:
    """Return how many bytes a quantity is."""
    return int(text[:-2]) * UNITS[text[-2:]]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_its_schema(version: str) -> None:
    """Each document is what Kubernetes publishes for its kind, without a field that it does not know."""
    different = [
        *documents("cpu"),
        *(each for each in documents("gpu") if each not in documents("cpu")),
        *yaml.safe_load_all(secrets_text()),
    ]

    for document in different:
        if document["apiVersion"] != "keda.sh/v1alpha1":
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_scaled_object_fits_its_schema(name: str) -> None:
    """KEDA is told nothing that it does not know."""
    schema = json.loads(Path(__file__).with_name("keda_scaled_object.json").read_text())
    (found,) = of_kind(name, "ScaledObject")

    jsonschema.Draft202012Validator(schema).validate(found)


def test_a_wrong_manifest_does_not_fit() -> None:
    """The schemas see a field that is misspelt."""
    (found,) = (each for each in of_kind("cpu", "Deployment") if each["metadata"]["name"] == "worker")
    wrong = {**found, "spec": {**found["spec"], "replica": 1}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the path")
@pytest.mark.parametrize("name", OVERLAYS)
def test_kustomize_puts_them_together_as_we_do(name: str) -> None:
    """What is tried here is what kustomize makes of it, but for the hashes in names."""
    done = subprocess.run(
        ["kubectl", "kustomize", ROOT / FOLDER / "overlays" / name], capture_output=True, text=True, check=True
    )
    made = list(yaml.safe_load_all(re.sub(r"\b(name: (?:settings|redis))-[a-z0-9]{10}\b", r"\1", done.stdout)))

    def order(document: Document) -> tuple[str, str]:
        return document["kind"], document["metadata"]["name"]

    assert sorted(made, key=order) == sorted(documents(name), key=order)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_same_runs_as_by_compose(name: str) -> None:
    """Each part has the command, the variables and the health check that the compose file gives it."""
    ours, theirs = parts(ROOT, name, STORE), composition.parts(ROOT, STORE)
    theirs["worker"] = theirs["worker" if name == "cpu" else "worker-cuda"]
    both = ours.keys() & theirs.keys()

    assert both == OURS | {"redis"}
    assert {each: ours[each].target for each in both} == {each: theirs[each].target for each in both}
    assert [*ours["collector"].command, "--every", "86400"] == theirs["collector"].command  # a cluster has a clock
    assert all(ours[each].command == theirs[each].command for each in both - {"collector"})
    assert {each: set(ours[each].environment) for each in both} == {
        each: set(theirs[each].environment) for each in both
    }
    assert all(ours[each].check == theirs[each].check for each in ("janitor", "courier"))


@pytest.mark.parametrize("name", OVERLAYS)
def test_only_settings_that_exist_are_given(name: str) -> None:
    """No variable is given that nobody reads, and images are targets of the Dockerfile."""
    for part, each in parts(ROOT, name, STORE).items():
        if part in OURS:
            assert each.environment.keys() <= variables.known()
            assert each.target in stages(ROOT)


@pytest.mark.parametrize("name", OVERLAYS)
def test_secrets_are_only_referred_to(name: str) -> None:
    """No secret is in a manifest; each that one asks for is made by the script, and each that is made is asked for."""
    given = [each for container in containers(documents(name)).values() for each in container.get("env", ())]
    asked = {(ref["name"], ref["key"]) for each in given if (ref := each.get("valueFrom", {}).get("secretKeyRef"))}
    written = {each["name"] for each in given if "value" in each}
    made = {(secret, key) for secret, keys in made_secrets(ROOT, STORE).items() for key in keys}

    assert not of_kind(name, "Secret")
    assert not written & variables.secret()
    assert asked == made


def test_secrets_are_made_up_anew() -> None:
    """There is no password that everybody knows, and without the store's keys nothing is made."""
    one, other = made_secrets(ROOT, STORE), made_secrets(ROOT, STORE)

    assert not set(one["redis"].values()) & set(other["redis"].values())
    assert all(len(password) == 48 for password in one["redis"].values())
    with pytest.raises(subprocess.CalledProcessError):
        made_secrets(ROOT, {})


@pytest.mark.parametrize("name", OVERLAYS)
def test_nothing_has_more_rights_than_it_needs(name: str) -> None:
    """Every pod meets Kubernetes' restricted standard, writes only where something is mounted, and has a limit."""
    for pod in pods(documents(name)).values():
        spec = pod["spec"]

        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert all(volume.keys() & {"emptyDir", "configMap"} for volume in spec["volumes"])
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            rights = container["securityContext"]
            assert rights == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_points_at_something_finds_it(name: str) -> None:
    """Selectors of services, budgets, policies and workloads, and what is scaled, name pods that there are."""
    labels = [pod["metadata"]["labels"] for pod in pods(documents(name)).values()]
    for found in selectors(documents(name)):
        for key, values in found.items():
            assert {each[key] for each in labels} >= values

    (scaled,) = of_kind(name, "ScaledObject")
    assert scaled["spec"]["scaleTargetRef"]["name"] in pods(documents(name))


def selectors(found: Any) -> list[dict[str, set[str]]]:
    """Return what is asked of labels, anywhere in documents, but for those of namespaces."""
    if isinstance(found, list):
        return [each for item in found for each in selectors(item)]
    if not isinstance(found, dict):
        return []
    mine = [{key: {value} for key, value in found["matchLabels"].items()}] if "matchLabels" in found else []
    mine += [{each["key"]: set(each["values"])} for each in found.get("matchExpressions", ())]
    if found.get("kind") == "Service":
        mine.append({key: {value} for key, value in found["spec"]["selector"].items()})
    return mine + [each for key, item in found.items() if key != "namespaceSelector" for each in selectors(item)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_machines_can_be_emptied(name: str) -> None:
    """Each budget lets a pod go, and keeps the service answering meanwhile."""
    replicas = {each["metadata"]["name"]: each["spec"].get("replicas") for each in of_kind(name, "Deployment")}
    budgets = {each["metadata"]["name"]: each["spec"] for each in of_kind(name, "PodDisruptionBudget")}

    assert budgets.keys() == {"service", "worker"}
    assert 0 < budgets["service"]["minAvailable"] < replicas["service"]
    assert budgets["worker"]["maxUnavailable"] == 1


@pytest.mark.parametrize("name", OVERLAYS)
def test_nobody_is_reached_who_is_not_meant_to_be(name: str) -> None:
    """All is closed by default, Redis is open to ours alone, and nothing reaches what clouds tell their machines."""
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(name, "NetworkPolicy")}
    (redis,) = policies["redis"]["ingress"]
    blocks = [each["ipBlock"] for rule in policies["outside"]["egress"] for each in rule["to"]]

    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert set(redis["from"][0]["podSelector"]["matchExpressions"][0]["values"]) == OURS - {"bucket"}
    assert all(block["except"] for block in blocks)
    assert [rule["ports"] for rule in policies["outside"]["egress"]] == [[{"protocol": "TCP", "port": 443}]]


@pytest.mark.parametrize("name", OVERLAYS)
def test_workers_are_given_what_they_need(name: str) -> None:
    """A worker has a processor a thread and the time to hand its job over; a job fails before its pod is thrown out."""
    spec = pods(documents(name))["worker"]["spec"]
    given = parts(ROOT, name, STORE)["worker"].environment
    disk = int(given["MODELPRESS_DISK_BYTES_MAX"])
    sizes = {volume["name"]: size(volume["emptyDir"]["sizeLimit"]) for volume in spec["volumes"]}
    allowed = spec["containers"][0]["resources"]

    assert spec["terminationGracePeriodSeconds"] > WorkerSettings.from_env({}).stop_grace_s + 10
    assert disk < sizes["scratch"]
    assert given["MODELPRESS_THREADS"] == allowed["limits"]["cpu"]
    assert sum(sizes.values()) <= size(allowed["limits"]["ephemeral-storage"])
    assert {key: allowed["limits"][key] for key in allowed["requests"]} == allowed["requests"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_scaling_asks_for_figures_that_exist(name: str) -> None:
    """The question is PromQL over series that the service shows, by labels that they have, and silence is no zero."""
    (scaled,) = of_kind(name, "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    question = trigger["metadata"]["query"]
    promql_parser.parse(question)

    assert set(re.findall(r"modelpress_\w+", question)) == {"modelpress_open_jobs", "modelpress_queue_age_seconds"}
    assert set(re.findall(r"modelpress_\w+", question)) <= shown.known()
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert "fallback" not in scaled["spec"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_prometheus_finds_every_pod_of_the_service(name: str) -> None:
    """It looks for the labels and the port that the pods have, and calls them as the alerts do."""
    (scraped,) = yaml.safe_load((ROOT / FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    beside = yaml.safe_load((ROOT / "deploy/observability/prometheus.yaml").read_text())["scrape_configs"][0]
    (found,) = scraped["kubernetes_sd_configs"]
    label, _, value = found["selectors"][0]["label"].partition("=")
    pod = pods(documents(name))["service"]

    assert scraped["job_name"] == beside["job_name"]
    assert pod["metadata"]["labels"][label] == value
    assert found["namespaces"]["names"] == [of_kind(name, "Deployment")[0]["metadata"]["namespace"]]
    assert scraped["relabel_configs"][0]["regex"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}


def test_workers_for_gpus_differ_in_what_gpus_need() -> None:
    """The overlay changes workers alone: image, a GPU each, machines that have some, and how many there are."""
    plain, cuda = ({each["metadata"]["name"]: each for each in pick("Deployment", name)} for name in OVERLAYS)
    spec = cuda["worker"]["spec"]["template"]["spec"]
    counts = {name: of_kind(name, "ScaledObject")[0]["spec"]["minReplicaCount"] for name in OVERLAYS}

    assert {each for each in plain if plain[each] != cuda[each]} == {"worker"}
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert {each["key"] for each in spec["tolerations"]} == {"nvidia.com/gpu"}
    assert counts == {"cpu": 1, "gpu": 0}


def pick(kind: str, name: str) -> list[Document]:
    """Return the workloads of one kind."""
    return [each for each in of_kind(name, kind) if each["kind"] in WORKLOADS]


def secrets_text() -> str:
    """Return what the script prints."""
    return subprocess.run(
        [ROOT / FOLDER / "secrets.sh"],
        env={"PATH": "/usr/bin:/bin", **STORE},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
