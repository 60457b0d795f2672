"""A service and an object store, small enough to read, real enough to break."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from client_loopback import Asked, Loopback, Reply, problem
from modelpress import Retry

JOB = "job_01M800000000000000000000AA"
RETRY = "job_01M800000000000000000000CC"
UPLOAD = "upl_01M800000000000000000000BB"
KEY = "mp_test_key"
PART_BYTES = 4
QUICK = Retry(tries=3, first_delay_s=0.01, longest_delay_s=0.05)
TECHNIQUES = [{"name": "head_pruning"}, {"name": "teleportation", "warp": 9}]


class FakeStore(Loopback):
    """Keeps objects by path; serves ranges, takes parts, but none by a link with an *expired* signature."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.objects: dict[str, bytes] = {}
        self.ranges = True
        self.expired = ""

    def _serve(self, asked: Asked) -> Reply:
        if asked.method == "PUT" and asked.query["signature"] == self.expired:
            return Reply(403, b"expired")
        if asked.method == "PUT":
            self.objects[asked.path] = asked.body
            return Reply(headers={"ETag": f'"{hashlib.md5(asked.body, usedforsecurity=False).hexdigest()}"'})
        content = self.objects[asked.path]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("Range", ""))
        if not wanted or not self.ranges:
            return Reply(body=content)
        start, end = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
        if start >= len(content):
            return Reply(416)
        return Reply(206, content[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(content)}"})


class FakeService(Loopback):
    """Has one job, which moves on through *story* each time somebody looks, and its files in *store*."""

    def __init__(self, store: FakeStore) -> None:
        super().__init__(self._serve)
        self.store = store
        self.story = [job("succeeded")]
        self.events: list[dict[str, Any]] = []
        self.events_by_look: dict[int, list[dict[str, Any]]] = {}
        self.page_size = 2
        self.streams = False
        self.upload_page_size = 1000
        self.looks = 0
        self.files: dict[str, bytes] = {}
        self.promised: dict[str, dict[str, Any]] = {}
        self.report: dict[str, Any] = {}
        self.created: list[dict[str, Any]] = []
        self.announced: list[dict[str, Any]] = []

    def publish(self, name: str, content: bytes, **promised: Any) -> None:
        """Put a file into the store and into the manifest, which may promise something else."""
        self.store.objects[f"/bucket/{name}"] = content
        entry = {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        self.promised[name] = entry | promised

    def _serve(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            return problem(401, "unauthorized")
        path = asked.path.removeprefix("/v1/").replace(JOB, "{job}").replace(UPLOAD, "{upload}")
        if path.startswith("jobs/{job}/artifacts/"):
            name = path.removeprefix("jobs/{job}/artifacts/")
            return Reply(307, headers={"Location": f"{self.store.url}/bucket/{name}?signature=secret"})
        answer = self._calls.get((asked.method, path))
        return answer(asked) if answer else problem(404, "not_found")

    @property
    def _calls(self) -> dict[tuple[str, str], Callable[[Asked], Reply]]:
        return {
            ("POST", "compressions"): self._create,
            ("POST", "landscapes"): self._create,
            ("POST", "plans"): self._create,
            ("POST", "profiles"): self._create,
            ("GET", "jobs"): self._jobs,
            ("GET", "jobs/{job}"): self._look,
            ("POST", "jobs/{job}/cancel"): lambda _: Reply(202, job("cancelling")),
            ("POST", "jobs/{job}/retry"): lambda _: Reply(202, job("queued", id=RETRY, retry_of=JOB)),
            ("GET", "jobs/{job}/events"): self._events,
            ("GET", "jobs/{job}/report"): lambda _: self._result(self.report),
            ("GET", "jobs/{job}/artifacts"): lambda _: self._result(self._manifest()),
            ("POST", "uploads"): self._open_upload,
            ("GET", "uploads/{upload}"): self._show_upload,
            ("POST", "uploads/{upload}/complete"): self._complete_upload,
            ("GET", "techniques"): lambda _: Reply(body={"data": TECHNIQUES}),
        }

    def _create(self, asked: Asked) -> Reply:
        self.created.append(asked.json)
        return Reply(202, job("queued"))

    def _manifest(self) -> dict[str, Any]:
        return {"job": JOB, "files": list(self.promised.values())}

    def _look(self, _: Asked) -> Reply:
        shown = self.story[min(self.looks, len(self.story) - 1)]
        self.events += self.events_by_look.pop(self.looks, [])
        self.looks += 1
        return Reply(body=shown)

    def _jobs(self, asked: Asked) -> Reply:
        if "cursor" not in asked.query:
            return Reply(body={"data": [job("running"), job("failed")], "next_cursor": "more", "has_more": True})
        return Reply(body={"data": [job("queued")], "next_cursor": None, "has_more": False})

    def _events(self, asked: Asked) -> Reply:
        after = asked.query.get("after", "")
        rest = [event for event in self.events if event["id"] > after]
        if self.streams and asked.headers["Accept"] == "text/event-stream":
            return Reply(body=stream(rest, self.story[-1]), headers={"Content-Type": "text/event-stream"})
        return Reply(body={"data": rest[: self.page_size], "has_more": len(rest) > self.page_size})

    def _result(self, document: dict[str, Any]) -> Reply:
        state = self.story[-1]
        if not state["terminal"]:
            return problem(404, "report_not_ready")
        return Reply(body=document) if state["error"] is None else problem(409, "no_result")

    def _open_upload(self, asked: Asked) -> Reply:
        self.announced = asked.json["files"]
        return Reply(201, self._upload_document("first"))

    def _show_upload(self, asked: Asked) -> Reply:
        return Reply(body=self._upload_document("fresh", int(asked.query.get("offset", 0))))

    def _upload_document(self, signature: str, offset: int = 0) -> dict[str, Any]:
        end = offset + self.upload_page_size
        return {
            "id": UPLOAD,
            "uri": f"upload://{UPLOAD}",
            "state": "open",
            "part_bytes": PART_BYTES,
            "files": [each | {"parts": self._parts(each, signature)} for each in self.announced[offset:end]],
            "next_offset": end if end < len(self.announced) else None,
        }

    def _parts(self, file: dict[str, Any], signature: str) -> list[dict[str, Any]]:
        numbers = range(1, -(-file["bytes"] // PART_BYTES) + 1)
        place = f"{self.store.url}/upload/{file['path']}"
        return [{"number": number, "url": f"{place}/{number}?signature={signature}"} for number in numbers]

    def _complete_upload(self, asked: Asked) -> Reply:
        for each in asked.json["files"]:
            parts = [self.store.objects[f"/upload/{each['path']}/{part['number']}"] for part in each["parts"]]
            self.files[each["path"]] = b"".join(parts)
        return Reply(body=self._upload_document("none") | {"state": "complete"})


def job(state: str, **more: Any) -> dict[str, Any]:
    """Return a job document in *state*."""
    failed = {"code": "unsupported_model", "message": "no anatomy", "stage": "load", "retryable": False, "attempt": 1}
    return {
        "id": JOB,
        "kind": "compression",
        "state": state,
        "terminal": state in {"succeeded", "failed", "cancelled", "expired"},
        "progress": None,
        "error": failed if state in {"failed", "cancelled", "expired"} else None,
        **more,
    }


def stream(events: list[dict[str, Any]], ended: dict[str, Any]) -> bytes:
    """Return what a stream says that tells *events* and the end of the job."""
    told = [f"id: {each['id']}\nevent: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events]
    return "".join(["retry: 3000\n\n", ": ping\n\n", *told, f"event: end\ndata: {json.dumps(ended)}\n\n"]).encode()


def event(number: int) -> dict[str, Any]:
    """Return the *number*-th event of a job."""
    return {"id": f"{number:04d}-0", "type": "progress", "stage": "compress", "message": f"step {number}", "data": {}}
