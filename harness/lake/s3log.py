"""Which objects were read, written and deleted: a bounded log of the S3 server, without queries or signatures."""

from __future__ import annotations

import io
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import unescape

KEPT = 20_000
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# Sub-resources of an object: its tags, its rights, the parts of an upload that may never be completed.
ASIDE = ("tagging", "acl", "retention", "legal-hold", "torrent", "attributes", "partNumber", "uploads")


class S3Log:
    """The last accesses of objects that succeeded.

    Each has ``time`` (epoch seconds), ``operation`` (``read``, ``write``, ``delete``), ``bucket``, ``key``, ``client``
    (its User-Agent). Path style is assumed, as every client of the stack is told to use.
    """

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def around(self, app: App) -> App:
        """``app``, with its accesses logged."""

        def logged(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            began = time.time()
            accesses = _accesses(environ)
            status = [500]

            def started(line: str, *rest: Any) -> Any:
                status[0] = int(line.partition(" ")[0])
                return start(line, *rest)

            answer = app(environ, started)
            if status[0] < 300:
                client = environ.get("HTTP_USER_AGENT", "")
                for operation, bucket, key in accesses:
                    self._entries.append(
                        {"time": began, "operation": operation, "bucket": bucket, "key": key, "client": client}
                    )
            return answer

        return logged

    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)

    def clear(self) -> None:
        self._entries.clear()


def _accesses(environ: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Operation, bucket and key of every object that a request is about."""
    method = environ["REQUEST_METHOD"]
    # WSGI hands over the decoded path as Latin-1 (PEP 3333).
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if method == "POST" and not key and "delete" in query:
        return [("delete", bucket, name) for name in _named(environ)]
    if not bucket or not key or bucket == "moto-api" or any(name in query for name in ASIDE):
        return []
    if method == "DELETE":
        return [] if "uploadId" in query else [("delete", bucket, key)]
    if method in ("PUT", "POST"):
        source = environ.get("HTTP_X_AMZ_COPY_SOURCE", "")
        copied = unquote(source).lstrip("/").partition("?")[0].partition("/") if source else None
        read = [("read", copied[0], copied[2])] if copied else []
        return [*read, ("write", bucket, key)]
    return [("read", bucket, key)] if method == "GET" else []


def _named(environ: dict[str, Any]) -> list[str]:
    """The keys in the body of a DeleteObjects request, which is given back to be read again."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body.decode("utf-8", "replace"), re.DOTALL)]
