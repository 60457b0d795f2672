"""The compose file, as far as it can be tried without containers; `test_composed.py` runs what it runs."""

import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from composition import compose, required
from dockerfile import arguments, lineage, stages
from variables import known

from jobs.quiet import LOCKS
from jobs.settings import WorkerSettings
from jobs.state.settings import StateSettings


def ours(root: Path) -> dict[str, Any]:
    """Return the services that run our own images."""
    return {name: each for name, each in compose(root)["services"].items() if "build" in each}


def test_it_is_a_compose_file(root: Path) -> None:
    """The file fits the published schema, with anchors followed and variables put in."""
    schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())

    jsonschema.validate(compose(root, dict.fromkeys(required(root), "given")), schema)


def test_it_builds_what_the_dockerfile_has(root: Path) -> None:
    """Each service is built from a target of the Dockerfile, or is an image with a version."""
    targets = stages(root)
    for service in compose(root)["services"].values():
        assert (
            service["build"]["target"] in targets if "build" in service else re.search(r":v?\d+\.\d+", service["image"])
        )


def test_it_gives_only_settings_that_exist(root: Path) -> None:
    """Each of our processes starts from what compose gives, and is given none that nobody reads."""
    for service in ours(root).values():
        given = service["environment"]

        assert given.keys() <= known()
        assert StateSettings.from_env({name: "redis://:secret@value" for name in given if "RETENTION" not in name})


def test_build_arguments_are_the_dockerfiles(root: Path) -> None:
    """What is said for a build is asked for by a stage of it."""
    for service in ours(root).values():
        assert set(service["build"].get("args", ())) <= arguments(stages(root), service["build"]["target"])


@pytest.mark.parametrize("missing", ["MODELPRESS_S3_SECRET_KEY", "MODELPRESS_REDIS_WORKER_PASSWORD"])
def test_it_does_not_start_without_secrets(root: Path, missing: str) -> None:
    """There is no password that everybody knows."""
    given = dict.fromkeys(required(root) - {missing}, "given")

    with pytest.raises(KeyError, match=missing):
        compose(root, given)


def test_its_head_names_every_secret(root: Path) -> None:
    """Whoever runs the commands at the head of the file has given all that is required, and all that is secret."""
    head = (root / "deploy/compose.yaml").read_text().partition("name: modelpress")[0]
    made = {f"MODELPRESS_{name}" for name in re.findall(r"[A-Z0-9]+(?:_[A-Z0-9]+)+", head.partition("; do")[0])}

    assert required(root) <= made


def test_redis_keeps_what_it_is_told(root: Path) -> None:
    """Redis appends every write to a file in a volume, and nobody may use it as its owner."""
    redis = compose(root)["services"]["redis"]
    script = (root / "deploy/redis/start.sh").read_text()

    assert "--appendonly yes" in script
    assert "user default off" in (root / "deploy/redis/users.acl").read_text()
    assert "redis:/data" in redis["volumes"]


def test_nothing_has_more_rights_than_it_needs(root: Path) -> None:
    """Our own containers have no capabilities, cannot get any, and write only where something is mounted."""
    for service in (*ours(root).values(), compose(root)["services"]["redis"]):
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        assert "/tmp" in service["tmpfs"]  # noqa: S108 - a mount, not a file


def test_nothing_listens_to_the_network(root: Path) -> None:
    """Ports are open to the machine itself: what faces the network is a proxy that speaks TLS."""
    ports = [port for service in compose(root)["services"].values() for port in service.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_workers_are_given_the_time_to_hand_over(root: Path) -> None:
    """A worker is not killed before the grace that it gives its job is over."""
    grace = WorkerSettings.from_env({}).stop_grace_s

    for name in ("worker", "worker-cuda"):
        assert int(compose(root)["services"][name]["stop_grace_period"].removesuffix("s")) > grace + 10


def test_workers_of_a_machine_keep_each_other_quiet(root: Path) -> None:
    """All workers share the folder of locks by which one that measures has the machine to itself."""
    user = dict(lineage(stages(root), "worker"))["USER"]
    for name in ("worker", "worker-cuda"):
        worker = compose(root)["services"][name]
        folder = Path(worker["environment"]["MODELPRESS_TEMP_DIR"], LOCKS.replace(str(os.getuid()), user))

        assert f"locks:{folder}" in worker["volumes"]
        assert str(folder) in dict(lineage(stages(root), name))["RUN"]  # is the user's own, as a new volume then is


def test_grafana_finds_its_dashboard(root: Path) -> None:
    """What is mounted exists, its data source is the Prometheus beside it, and dashboards are read where they are."""
    services, folder = compose(root)["services"], root / "deploy"
    mounts = dict(mount.split(":")[:2] for mount in services["grafana"]["volumes"] if mount.startswith("./"))
    source = yaml.safe_load((folder / "observability/grafana/datasources/prometheus.yaml").read_text())
    provider = yaml.safe_load((folder / "observability/grafana/dashboards/modelpress.yaml").read_text())
    shown = Path(provider["providers"][0]["options"]["path"])

    assert all((folder / path).exists() for path in mounts)
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    assert Path(mounts["./observability/dashboard.json"]).parent == shown


def test_prometheus_asks_the_service(root: Path) -> None:
    """The scraped address is the service's, and the token is where compose puts it."""
    scraped = yaml.safe_load((root / "deploy/observability/prometheus.yaml").read_text())["scrape_configs"][0]
    services, secrets = compose(root)["services"], compose(root)["secrets"]

    assert scraped["static_configs"][0]["targets"] == ["service:8000"]
    assert services["prometheus"]["secrets"] == [Path(scraped["authorization"]["credentials_file"]).name]
    assert secrets["modelpress_metrics_token"] == {"environment": "MODELPRESS_METRICS_TOKEN"}
