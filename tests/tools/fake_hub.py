"""A Hugging Face Hub on this machine that takes a push, or refuses it."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeHub:
    """What was asked of it, and what was uploaded."""

    def __init__(self, refusal: str | None) -> None:
        self.refusal = refusal
        self.tokens: set[str | None] = set()
        self.created: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self.address = ""

    def answer(self, method: str, path: str, body: bytes) -> dict:
        """Answers as the Hub does."""
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            return {"url": f"{self.address}/user/name", "id": "1"}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            kind = {True: "lfs", False: "regular"}
            files = [
                {"path": name, "uploadMode": kind[name.endswith(".safetensors")]}
                for name in names
            ]
            return {"files": [{**file, "shouldIgnore": False} for file in files]}
        if path.endswith("/objects/batch"):
            objects = [
                {
                    **wanted,
                    "actions": {
                        "upload": {"href": f"{self.address}/put/{wanted['oid']}"}
                    },
                }
                for wanted in json.loads(body)["objects"]
            ]
            return {"transfer": "basic", "objects": objects}
        if method == "PUT":
            self.large[path.rpartition("/")[2]] = body
            return {}
        if "/commit/" in path:
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    self.files[entry["value"]["path"]] = content
                if entry["key"] == "lfsFile":
                    content = self.large[entry["value"]["oid"]]
                    self.files[entry["value"]["path"]] = content
            url = f"{self.address}/user/name/commit/1"
            return {
                "success": True,
                "commitUrl": url,
                "commitOid": "1",
                "hookOutput": "",
            }
        return {"errors": [], "warnings": []}


@contextlib.contextmanager
def serve(refusal: str | None = None) -> Iterator[FakeHub]:
    """Runs a Hub; `refusal`: it refuses all with this message."""
    hub = FakeHub(refusal)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization")
            if self.command != "PUT":
                hub.tokens.add(token)
            if hub.refusal is None:
                content, status = hub.answer(self.command, self.path, body), 200
            else:
                content, status = {"error": f"{hub.refusal} {token}"}, 401
            answer = json.dumps(content).encode()
            self.send_response(status)
            if hub.refusal is not None:
                self.send_header("X-Error-Message", f"{hub.refusal} {token}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
