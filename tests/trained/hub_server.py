"""A stand-in for the Hub: as much of its HTTP as the client asks for, on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Hub(ThreadingHTTPServer):
    """A server that keeps repositories in memory.

    Attributes:
        repositories: by name, the content of each file, by its path.
        private: the names of repositories that were made private.
        refuses: a status that every request is answered with; None: none.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.large: dict[str, bytes] = {}
        self.refuses: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def revision(self, name: str) -> str:
        said = "".join(f"{k}{len(v)}" for k, v in sorted(self.repositories[name].items()))
        return hashlib.sha1(said.encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
        if self.server.refuses is not None:
            self._answer(self.server.refuses, {"error": "so it is"})
        elif parts == ["api", "validate-yaml"]:
            self._answer(200, {"errors": [], "warnings": []})
        elif parts == ["api", "repos", "create"]:
            self._create(json.loads(body))
        elif parts[:2] == ["api", "models"] and parts[4:5] == ["preupload"]:
            self._modes(json.loads(body))
        elif parts[:2] == ["api", "models"] and parts[4:5] == ["commit"]:
            self._commit("/".join(parts[2:4]), body)
        elif parts[2:] == ["info", "lfs", "objects", "batch"]:
            self._where(json.loads(body))
        elif parts[0] == "large":
            self.server.large[parts[1]] = body
            self._answer(200, {})
        elif parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._answer(404, {"error": f"not known here: {self.path}"})

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _create(self, asked) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if name in self.server.repositories:
            self._answer(409, {"error": "there is one", "url": f"{self.server.address}/{name}"})
            return
        self.server.repositories[name] = {}
        if asked.get("private") or asked.get("visibility") == "private":
            self.server.private.add(name)
        self._answer(200, {"url": f"{self.server.address}/{name}", "name": name, "id": name})

    def _modes(self, asked) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for file in asked["files"]
        ]
        self._answer(200, {"files": files})

    def _where(self, asked) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.server.address}/large/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        files = self.server.repositories[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        oid = self.server.revision(name)
        url = f"{self.server.address}/{name}/commit/{oid}"
        self._answer(200, {"commitOid": oid, "commitUrl": url, "success": True})

    def _file(self, name: str, revision: str, path: str) -> None:
        if name not in self.server.repositories:
            self._answer(401, {}, {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", self.server.revision(name)):
            self._answer(404, {}, {"X-Error-Code": "RevisionNotFound"})
        elif path not in self.server.repositories[name]:
            self._answer(404, {}, {"X-Error-Code": "EntryNotFound"})
        else:
            content = self.server.repositories[name][path]
            self._answer(
                200,
                content,
                {
                    "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
                    "X-Repo-Commit": self.server.revision(name),
                },
            )

    def _answer(self, status: int, content, headers=()) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
