"""The S3 server: moto, in a process of its own, on a socket that its parent has bound, with faults on demand.

Run as ``python -m harness.lake.s3`` by :class:`harness.process.Child`; needs no configuration.
"""

from __future__ import annotations

import fnmatch
import io
import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from harness.lake import s3snapshot
from harness.lake.faults import BadFault, Fault, Faults
from harness.lake.s3log import S3Log
from harness.lake.s3snapshot import BadSnapshot
from harness.lake.webidentity import ISSUER, Signer
from harness.process import Lifeline

# No bucket's name has an underscore.
FAULTS = "/_harness/faults"
REQUESTS = "/_harness/requests"
OBJECTS = "/_harness/objects"
RESET = "/moto-api/reset"
FIELDS = frozenset({"method", "path", "status", "code", "message", "nth", "times", "when"})
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class S3Endpoint:
    """Where S3 is and how to sign in: ours, or any other that speaks the protocol."""

    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    # Where STS is, when the S3 server does not answer it itself.
    sts_url: str = ""

    def __repr__(self) -> str:
        return f"S3Endpoint(url={self.url!r}, access_key={self.access_key!r})"


def reset(endpoint: S3Endpoint) -> None:
    """Forget every bucket of the moto server at ``endpoint``. Raises: ``urllib.error.URLError``."""
    request = urllib.request.Request(f"{endpoint.url}{RESET}", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass


def faults(endpoint: S3Endpoint, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make (POST), list (GET) or take back (DELETE) the faults of our S3 server.

    Returns: its answer. Raises: ``BadFault``; ``OSError`` when it does not answer.
    """
    data = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(f"{endpoint.url}{FAULTS}", data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise BadFault(error.read().decode()) from None


def requests(endpoint: S3Endpoint) -> list[dict[str, Any]]:
    """What was asked of our S3 server since its last reset, oldest first: see :class:`harness.lake.s3log.S3Log`.

    Raises: ``OSError`` when it does not answer.
    """
    with urllib.request.urlopen(f"{endpoint.url}{REQUESTS}", timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return list(answer["requests"])


def is_ours(endpoint: S3Endpoint) -> bool:
    """Whether an S3 server is the built-in one, which keeps a log of requests."""
    try:
        requests(endpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def dump(endpoint: S3Endpoint) -> bytes:
    """All buckets and objects of our S3 server. Raises: ``OSError``, also when it is not ours."""
    with urllib.request.urlopen(f"{endpoint.url}{OBJECTS}", timeout=300) as response:
        answer: bytes = response.read()
        return answer


def restore(endpoint: S3Endpoint, blob: bytes) -> None:
    """Replace them by those of :func:`dump`. Raises: ``BadSnapshot``; ``OSError``, also when it is not ours."""
    request = urllib.request.Request(f"{endpoint.url}{OBJECTS}", data=blob, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=300):
            pass
    except urllib.error.HTTPError as error:
        with error:
            raise BadSnapshot(error.read().decode()) from None


class Faulty:
    """WSGI layer that lets requests fail, such as with ``SlowDown``; its control interface is at ``FAULTS``."""

    def __init__(self, app: App) -> None:
        self.log = S3Log()
        self.app = self.log.around(app)
        self.faults = Faults()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == FAULTS:
            return self._control(method, environ, start)
        if path == REQUESTS:
            return _send(start, 200, "application/json", json.dumps({"requests": self.log.entries()}).encode())
        if path == OBJECTS:
            return self._objects(method, environ, start)
        if path == RESET:
            self.faults.clear()
            self.log.clear()
        fault = self.faults.hit(
            lambda spec: fnmatch.fnmatchcase(path, spec.get("path", "*")) and spec.get("method", method) == method
        )
        if fault is None:
            return self.app(environ, start)
        if fault.after:
            b"".join(self.app(environ, lambda *head: io.BytesIO().write))
        else:
            _drain(environ)
        return _refuse(fault, path, start)

    def _objects(self, method: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if method == "GET":
            return _send(start, 200, "application/octet-stream", s3snapshot.dump())
        try:
            s3snapshot.restore(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        except BadSnapshot as error:
            return _send(start, 400, "text/plain", str(error).encode())
        return _send(start, 200, "application/json", b"{}")

    def _control(self, method: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        try:
            if method == "POST":
                given = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
                document = self.faults.add(_checked(given)).document()
            else:
                if method == "DELETE":
                    self.faults.clear()
                document = {"faults": self.faults.documents()}
        except ValueError as error:
            return _send(start, 400, "text/plain", str(error).encode())
        return _send(start, 200, "application/json", json.dumps(document).encode())


class Identified:
    """WSGI layer that shows the keys of the tokens that our STS signs."""

    def __init__(self, app: App, signer: Signer) -> None:
        self.app = app
        self.signer = signer

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        app = self.signer.serve if environ["PATH_INFO"].startswith(f"{ISSUER}/") else self.app
        return app(environ, start)


def _drain(environ: dict[str, Any]) -> None:
    """Read a request's body. The connection is kept, and what was left would be taken for the next request."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    chunked = bool(environ.get("wsgi.input_terminated"))
    while (chunked or left > 0) and (read := environ["wsgi.input"].read(1 << 20 if chunked else min(left, 1 << 20))):
        left -= len(read)


def _checked(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or given.keys() - FIELDS:
        raise BadFault(f"Expected an object with fields among {', '.join(sorted(FIELDS))}.")
    if not all(isinstance(given.get(name, ""), str) for name in ("method", "path", "code", "message")):
        raise BadFault("Expected method, path, code and message to be strings.")
    if given.get("status", 503) not in [status.value for status in HTTPStatus if status >= 400]:
        raise BadFault("Expected status to be an HTTP status of 400 or more.")
    return given


def _refuse(fault: Fault, path: str, start: Callable[..., Any]) -> Iterable[bytes]:
    """S3's error document (AWS: API reference, "Error responses"; SlowDown is 503)."""
    code = fault.spec.get("code", "SlowDown")
    message = fault.spec.get("message", "Please reduce your request rate.")
    fields = {"Code": code, "Message": message, "Resource": path, "RequestId": f"fault-{fault.id}"}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    return _send(start, fault.spec.get("status", 503), "application/xml", body)


def _send(start: Callable[..., Any], status: int, kind: str, body: bytes) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


def main() -> None:
    lifeline = Lifeline.adopt()
    (sock,) = lifeline.sockets
    # Imported late: the parent's pipe must be read before the two seconds that these imports take.
    from moto.server import DomainDispatcherApplication, create_backend_app

    host, port = sock.getsockname()
    signer = Signer(f"http://{host}:{port}")
    signer.add_to_moto()
    server = wsgi_server(sock, Faulty(Identified(DomainDispatcherApplication(create_backend_app), signer)))
    lifeline.on_parent_gone(lambda: threading.Thread(target=server.shutdown).start())
    lifeline.ready(url=f"http://{host}:{port}")
    server.serve_forever()


def wsgi_server(sock: socket.socket, application: Any) -> Any:
    """A server of ``application``, a thread a connection, on a socket that listens already."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):  # type: ignore[misc]
        # Connections are kept, as S3A asks for many small things; an answer leaves in one piece or two, without delay.
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = sock.getsockname()
    return make_server(host, port, application, threaded=True, request_handler=Handler, fd=sock.fileno())


if __name__ == "__main__":
    main()
