"""Calls of a workspace that runs, by whoever has its endpoints: another process of ours, or this one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from harness.dagrun.connections import Endpoints


class StackFailed(RuntimeError):
    """The stack did not start, or one of its processes is gone."""


def control(
    endpoints: Endpoints, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = 60
) -> dict[str, Any]:
    """Call a workspace's ``/_harness/`` interface; see :func:`api`."""
    return api(endpoints, method, f"_harness/{path}", body, timeout=timeout)


def api(
    endpoints: Endpoints,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    caller: str = "harness",
    timeout: float = 60,
) -> dict[str, Any]:
    """Call a workspace.

    Parameters: ``caller``: who asks (the User-Agent). Returns: its JSON answer. Raises: ``StackFailed`` when it does
    not answer, or refuses.
    """
    request = urllib.request.Request(
        f"{endpoints.workspace_url}/{path}",
        method=method,
        data=json.dumps(body or {}).encode() if method != "GET" else None,
        headers={
            "Authorization": f"Bearer {endpoints.token}",
            "Content-Type": "application/json",
            "User-Agent": caller,
        },
    )
    # Never through a proxy: it is our own process on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise StackFailed(f"{method} /{path} answered {error.code}: {error.read().decode()}") from error
    except OSError as error:
        raise StackFailed(f"the workspace at {endpoints.workspace_url} does not answer: {error}") from error
