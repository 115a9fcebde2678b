"""The S3 server: moto, in a process of its own, on a socket that its parent has bound.

Run as ``python -m harness.lake.s3`` by :class:`harness.process.Child`; needs no configuration.
"""

from __future__ import annotations

import logging
import threading
import urllib.request
from dataclasses import dataclass

from harness.process import Lifeline


@dataclass(frozen=True)
class S3Endpoint:
    """Where S3 is and how to sign in: ours, or any other that speaks the protocol."""

    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"


def reset(endpoint: S3Endpoint) -> None:
    """Forget every bucket of the moto server at ``endpoint``. Raises: ``urllib.error.URLError``."""
    request = urllib.request.Request(f"{endpoint.url}/moto-api/reset", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass


def main() -> None:
    lifeline = Lifeline.adopt()
    (sock,) = lifeline.sockets
    # Imported late: the parent's pipe must be read before the two seconds that these imports take.
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):  # type: ignore[misc]
        # Connections are kept, as S3A asks for many small things; an answer leaves in one piece or two, without delay.
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = sock.getsockname()
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(host, port, application, threaded=True, request_handler=Handler, fd=sock.fileno())
    lifeline.on_parent_gone(lambda: threading.Thread(target=server.shutdown).start())
    lifeline.ready(url=f"http://{host}:{port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
