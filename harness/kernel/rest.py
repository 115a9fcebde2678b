"""What the process of a task asks of the workspace, over its REST API and as any client would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from harness.kernel.spec import KernelSpec

# The workspace answers a held poll after a minute at the latest.
REQUEST_SECONDS = 180.0


class Refused(Exception):
    """The workspace refused a request. The message is the service's."""


def request(
    spec: KernelSpec,
    method: str,
    path: str,
    document: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    prefix: str = "api",
) -> dict[str, Any]:
    """Call ``/<prefix>/<path>``: with a query for GET, else with a JSON body.

    Returns: the answer. Raises: ``Refused``; ``OSError`` when the workspace is gone.
    """
    url, body = f"{spec.workspace_url}/{prefix}/{path}", None
    if method == "GET":
        url += f"?{urlencode(document)}"
    else:
        body = json.dumps(document).encode()
    sent = {"Authorization": f"Bearer {spec.token}", "Content-Type": "application/json", **(headers or {})}
    # No proxy: the workspace is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, sent, method=method), timeout=REQUEST_SECONDS) as response:
            answer: dict[str, Any] = json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise Refused(str(json.loads(error.read() or b"{}").get("message", error.reason))) from None
    return answer
