"""A Unity Catalog in memory, on a real HTTP server, as small as the catalog shim needs.

For where Spark is needed and no workspace is there: training the class archive, and tests of the lake alone.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, dict[str, Any]]


class ScratchCatalog:
    """The documents, by kind (``schemas``, ``tables``) and lower-case full name.

    Parameters: ``folder`` (under which managed tables go), ``catalogs`` (each with its schema ``default``).
    ``requests``: what was asked, one line each. ``url``: once served.
    """

    def __init__(self, folder: Path, catalogs: Iterable[str]) -> None:
        self.folder = folder
        self.url = ""
        self.requests: list[str] = []
        self.documents: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in ("schemas", "tables", "volumes", "functions")
        }
        for catalog in catalogs:
            self._create("schemas", {"name": "default", "catalog_name": catalog})

    def table(self, full_name: str) -> dict[str, Any]:
        """The document of a table or view. Raises: ``KeyError``."""
        return self.documents["tables"][full_name]

    def _create(self, kind: str, document: dict[str, Any]) -> Answer:
        parts = [document["catalog_name"], document.get("schema_name"), document["name"]]
        full_name = ".".join(part for part in parts if part).lower()
        if full_name in self.documents[kind]:
            return 409, {"error_code": f"{kind[:-1].upper()}_ALREADY_EXISTS", "message": f"{full_name} already exists"}
        if kind == "tables" and full_name.rsplit(".", 1)[0] not in self.documents["schemas"]:
            return 404, {"error_code": "SCHEMA_DOES_NOT_EXIST", "message": "no such schema"}
        stored = {**document, "name": document["name"].lower(), "full_name": full_name}
        if kind == "schemas":
            stored.setdefault("storage_root", f"file://{self.folder}/{full_name}")
        self.documents[kind][full_name] = stored
        return 200, stored

    def _update(self, kind: str, full_name: str, changes: dict[str, Any]) -> Answer:
        if full_name not in self.documents[kind]:
            return self._missing(kind, full_name)
        document = {**self.documents[kind][full_name], **changes}
        name = document.pop("new_name", document["name"]).lower()
        schema = document.pop("new_schema_name", document.get("schema_name"))
        new = ".".join(part for part in (document["catalog_name"], schema, name) if part)
        if new != full_name and new in self.documents[kind]:
            return 409, {"error_code": "TABLE_ALREADY_EXISTS", "message": f"{new} already exists"}
        del self.documents[kind][full_name]
        self.documents[kind][new] = {**document, "name": name, "schema_name": schema, "full_name": new}
        return 200, self.documents[kind][new]

    def _missing(self, kind: str, full_name: str) -> Answer:
        return 404, {"error_code": f"{kind[:-1].upper()}_DOES_NOT_EXIST", "message": f"{full_name} does not exist"}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Answer:
        if path == "/_harness/sql/watched":  # no table here is guarded
            return 200, {"guarded": False, "enforced": False}
        kind, _, name = path.removeprefix("/api/2.1/unity-catalog/").partition("/")
        full_name = unquote(name).lower()
        self.requests.append(f"{method} {kind} {full_name}")
        if method == "POST":
            return self._create(kind, body.get("function_info", body))
        if method == "PATCH":
            return self._update(kind, full_name, body)
        if not name:
            place = ".".join(query[key][0] for key in ("catalog_name", "schema_name") if key in query).lower()
            if "schema_name" in query and place not in self.documents["schemas"]:
                return self._missing("schemas", place)
            found = [d for n, d in self.documents[kind].items() if n.rsplit(".", 1)[0] == place]
            return 200, {kind: found}
        if full_name not in self.documents[kind]:
            return self._missing(kind, full_name)
        if method == "DELETE":
            del self.documents[kind][full_name]
            return 200, {}
        return 200, self.documents[kind][full_name]

    @contextlib.contextmanager
    def served(self) -> Iterator[ScratchCatalog]:
        """Answer requests on a free loopback port, while the context lasts."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(catalog: ScratchCatalog) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            url = urlsplit(self.path)
            status, document = catalog.answer(self.command, url.path, parse_qs(url.query), body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
