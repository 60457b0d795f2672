"""What the real service answers, with real collaborators behind it, is what the contract says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from tiny import tiny

from deploy.embedded.stack import ROOT, Stack
from service.openapi import document

pytestmark = pytest.mark.e2e
CONTRACT = document()


def check(answer: httpx.Response, name: str) -> Any:
    """Return the document of *answer* after holding it to the component *name*."""
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]})
    body = answer.json()

    assert [str(error) for error in validator.iter_errors(body)] == []
    return body


def sent(client: httpx.Client, folder: Path) -> str:
    """Return the URI of an upload of the files in *folder*."""
    files = [{"path": path.name, "bytes": path.stat().st_size} for path in sorted(folder.iterdir())]
    upload = check(client.post("/v1/uploads", json={"files": files}), "Upload")
    done = []
    for file in upload["files"]:
        put = httpx.put(file["parts"][0]["url"], content=(folder / file["path"]).read_bytes()).raise_for_status()
        done.append({"path": file["path"], "parts": [{"number": 1, "etag": put.headers["ETag"]}]})
    complete = client.post(f"/v1/uploads/{upload['id']}/complete", json={"files": done})
    return str(check(complete, "Upload")["uri"])


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return *job* once it has ended."""
    while not job["terminal"]:
        job = check(client.get(job["links"]["self"], params={"wait": 30}), "Job")
    return job


def test_answers_are_as_published(stack: Stack, tmp_path: Path) -> None:
    """A job's whole life over HTTP: each answer on the way fits its schema, and each file its hash."""
    tiny("bert").save_pretrained(tmp_path)
    key = {"Authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.url, headers=key, timeout=60) as client:
        request = {
            "model": {"uri": sent(client, tmp_path)},
            "steps": [{"technique": "head_pruning", "heads_removed": 0.5}],
            "profile": {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 3},
        }
        plan = ended(client, check(client.post("/v1/plans", json=request), "Job"))
        foreseen = check(client.get(plan["links"]["report"]), "AnyReport")
        job = ended(client, check(client.post("/v1/compressions", json=request), "Job"))
        report = check(client.get(job["links"]["report"]), "AnyReport")
        manifest = check(client.get(job["links"]["artifacts"]), "Manifest")
        links = [client.get(f"{job['links']['artifacts']}/{file['path']}") for file in manifest["files"]]
        files = [httpx.get(link.headers["Location"]) for link in links]
        events = check(client.get(job["links"]["events"]), "EventPage")["data"]
        page = check(client.get("/v1/jobs", params={"limit": 1, "state": "succeeded"}), "JobPage")

    assert (job["state"], job["error"], job["request"]) == ("succeeded", None, request)
    assert report["compressed"]["params_total"] < report["dense"]["params_total"]
    assert foreseen["compressed"]["params_total"] == report["compressed"]["params_total"]
    assert [len(file.content) for file in files] == [file["bytes"] for file in manifest["files"]]
    assert events[0]["type"] == events[-1]["type"] == "state"
    assert page["data"][0]["id"] == job["id"]


def test_keys_open_and_close(stack: Stack) -> None:
    """The command prints a key that opens the service; another tenant's jobs are not behind it."""
    command = (sys.executable, "-m", "service.keys", "create", "--tenant", "other-team", "--name", "test")
    key = subprocess.run(command, env=stack.environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    good = httpx.get(f"{stack.url}/v1/jobs", headers={"Authorization": f"Bearer {key.strip()}"})
    bad = httpx.get(f"{stack.url}/v1/jobs", headers={"Authorization": f"Bearer {key.strip()}x"})

    assert (good.status_code, good.json()["data"]) == (200, [])
    assert (bad.status_code, check(bad, "Problem")["code"]) == (401, "unauthorized")
