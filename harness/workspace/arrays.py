"""Long arrays within one answer: from version 2.2 on the Jobs API gives a hundred elements of each at a time.

Source: docs, "Updating from Jobs API 2.1 to 2.2" (paging), and databricks-sdk, ``jobs.get`` and ``jobs.get_run``:
"Arrays without additional results will be empty on later pages". Before 2.2 arrays are answered whole.
"""

from __future__ import annotations

from harness.workspace.store import Document
from harness.workspace.wire import Call, position_of, token_of

SIZE = 100
OF_A_JOB = ("tasks", "job_clusters", "environments", "parameters")
OF_A_RUN = ("tasks", "job_clusters", "job_parameters", "repair_history", "iterations")


def version(call: Call) -> str:
    """The version of the Jobs API that a request names in its path."""
    path: str = call.request.scope["path"]
    return path.split("/")[2]


def paged(document: Document, names: tuple[str, ...], call: Call) -> tuple[Document, str | None]:
    """A document with that hundred of each named array which the request's ``page_token`` asks for.

    Returns: the document, and the token of the next hundred; none when there is none. Raises: ``InvalidParameter``.
    """
    if version(call) != "2.2":
        return document, None
    token = call.text("page_token", "")
    start = position_of(token) if token else 0
    end = start + SIZE
    parts = {name: document[name][start:end] for name in names if name in document}
    more = any(len(document[name]) > end for name in parts)
    return {**document, **parts}, token_of(end) if more else None


def shortened(document: Document, names: tuple[str, ...], call: Call) -> tuple[Document, bool]:
    """A list's item with the first hundred of each named array. Returns: it, and whether any array has more."""
    if version(call) != "2.2":
        return document, False
    parts = {name: document[name][:SIZE] for name in names if name in document}
    return {**document, **parts}, any(len(document[name]) > SIZE for name in parts)
