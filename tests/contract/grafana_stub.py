"""A stand-in for Grafana's HTTP API, written from its public reference pages (dashboard, dashboard versions, data source, folder, health).

Not Grafana: what the reference does not say, this does not know. It keeps things by uid, counts versions, answers 401, 403, 404, 409 and
412 as the reference words them, and has no numeric ids for datasources, as Grafana 13 has none. Tests look at what was sent.
"""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class GrafanaStub:
    """One Grafana on loopback. `fail` maps (method, path) to an answer given instead; `prefix` is where a proxy serves it."""

    def __init__(self, token: str, *, prefix: str = "", version: str = "13.0.1", versions_in_object: bool = True) -> None:
        self.token, self.prefix, self.version, self.versions_in_object = token, prefix, version, versions_in_object
        self.folders: dict[str, dict[str, Any]] = {}
        self.datasources: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.metas: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[str]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.fail: dict[tuple[str, str], Answer] = {}
        self.before_save: Any = None
        # What a newer Grafana may do to a board's JSON as it saves it.
        self.rewrite: Any = lambda board: board
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, told = stub.answer(self.command, self.path, self.headers.get("authorization", ""), body)
                content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-type", "text/html" if isinstance(told, str) else "application/json")
                if status in (301, 302):
                    self.send_header("location", f"http://127.0.0.1:{stub.port}/elsewhere")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{prefix}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def sent(self) -> list[tuple[str, str, Any]]:
        """Return the requests that write and forget all so far."""
        writing = [request for request in self.requests if request[0] in WRITES]
        self.requests.clear()
        return writing

    def edit(self, uid: str, **changed: Any) -> None:
        """Save a board as a person does in the browser: everything kept but what was changed, a new version, no message."""
        body = {"dashboard": {**self.boards[uid], **changed}, "folderUid": self.metas[uid]["folderUid"], "message": "", "overwrite": False}
        assert self._save_board(body)[0] == 200

    def answer(self, method: str, path: str, authorization: str, body: Any) -> Answer:
        """Return status and body for a request."""
        url = urlsplit(path)
        if not url.path.startswith(f"{self.prefix}/api/"):
            return 404, "<html>no such page</html>"
        route = url.path.removeprefix(f"{self.prefix}/api")
        self.requests.append((method, route, copy.deepcopy(body)))
        if (method, route) in self.fail:
            return self.fail[method, route]
        if route == "/health":
            return 200, {"commit": "0", "database": "ok", "version": self.version}
        if authorization != f"Bearer {self.token}":
            return 401, {"message": "Invalid API key"}
        parts = route.strip("/").split("/")
        match method, parts:
            case "GET", ["folders", uid]:
                return (200, self.folders[uid]) if uid in self.folders else (404, {"message": "folder not found", "status": "not-found"})
            case "POST", ["folders"]:
                return self._make_folder(body)
            case "GET", ["datasources", "uid", uid]:
                return (200, self.datasources[uid]) if uid in self.datasources else (404, {"message": "Data source not found"})
            case "POST", ["datasources"]:
                return self._make_datasource(body)
            case "PUT", ["datasources", "uid", uid]:
                return self._change_datasource(uid, body)
            case "GET", ["dashboards", "uid", uid]:
                if uid not in self.boards:
                    return 404, {"message": "Dashboard not found"}
                return 200, {"dashboard": self.boards[uid], "meta": self.metas[uid]}
            case "GET", ["dashboards", "uid", uid, "versions"]:
                listed = [{"id": n, "uid": uid, "version": n, "message": text} for n, text in enumerate(self.messages[uid], 1)][::-1]
                return 200, {"continueToken": "", "versions": listed} if self.versions_in_object else listed
            case "POST", ["dashboards", "db"]:
                if self.before_save:
                    act, self.before_save = self.before_save, None
                    act()
                return self._save_board(body)
        # Routes with numeric ids (`/datasources/7`) end here, as in Grafana 13.
        return 404, {"message": "Not found"}

    def _make_folder(self, body: Any) -> Answer:
        if body["uid"] in self.folders or body["title"] in [f["title"] for f in self.folders.values()]:
            return 409, {"message": "a folder with the same uid or name already exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "uid": body["uid"], "title": body["title"], "version": 1}
        return 200, self.folders[body["uid"]]

    def _make_datasource(self, body: Any) -> Answer:
        if body["name"] in [d["name"] for d in self.datasources.values()] or body["uid"] in self.datasources:
            return 409, {"message": "data source with the same name already exists"}
        return self._keep_datasource(body, 1)

    def _change_datasource(self, uid: str, body: Any) -> Answer:
        there = self.datasources.get(uid)
        if there is None:
            return 404, {"message": "Data source not found"}
        if body["uid"] != uid:
            return 400, {"message": "the uid of a data source cannot be changed"}
        if there["readOnly"]:
            return 403, {"message": "Cannot update read-only data source"}
        if body.get("version", there["version"]) != there["version"]:
            return 409, {"message": "Datasource has already been updated by someone else. Please reload and try again"}
        return self._keep_datasource(body, there["version"] + 1)

    def _keep_datasource(self, body: Any, version: int) -> Answer:
        uid = body["uid"]
        self.secrets.setdefault(uid, {}).update(body.get("secureJsonData") or {})
        kept = {name: value for name, value in body.items() if name != "secureJsonData"}
        kept = {"user": "", "isDefault": False, "readOnly": False, **kept, "version": version}
        self.datasources[uid] = {**kept, "id": 1, "secureJsonFields": dict.fromkeys(self.secrets[uid], True)}
        return 200, {"datasource": self.datasources[uid], "id": 1, "message": "Datasource added", "name": body["name"]}

    def _save_board(self, body: Any) -> Answer:
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        there = self.boards.get(uid)
        if body["folderUid"] not in {"", *self.folders}:
            return 400, {"message": "folder not found"}
        if there and self.metas[uid].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body["overwrite"] and board.get("version") != there["version"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = there["version"] + 1 if there else 1
        self.boards[uid] = {**copy.deepcopy(self.rewrite(board)), "id": 40 + len(self.boards), "version": version}
        self.metas[uid] = {"folderUid": body["folderUid"], "version": version, "provisioned": False}
        self.messages.setdefault(uid, []).append(body.get("message", ""))
        return 200, {"id": self.boards[uid]["id"], "uid": uid, "url": f"/d/{uid}", "status": "success", "version": version}
