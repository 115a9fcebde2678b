"""Faults for tests: what is to go wrong in the workspace and in S3, and whether it did."""

from __future__ import annotations

from typing import Any

from harness.lake import s3
from harness.stack import Stack

LOST = "SPOT_INSTANCE_TERMINATION"


class Faults:
    """The faults of one test on a stack; all are gone with its next reset.

    Every method takes ``nth`` (the first matching call that is hit, from 1), ``times`` (how many; -1: without end),
    ``when`` (``"before"``, or ``"after"`` the call has done its work) and ``expected`` (False: it need not fire).
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._expected: set[tuple[str, int]] = set()

    def request(self, operation: str | None = None, *, expected: bool = True, **fields: Any) -> None:
        """Let requests fail, by ``operation`` (``"runs.get"``) or ``method`` and ``path`` (a pattern with ``*``).

        Parameters: ``status`` with ``error_code``, ``message``, ``retry_after`` (seconds); or ``drop=True`` (the
        connection breaks); ``seconds``: how long it takes, until :meth:`clear`; ``stale=True``: a listing lags behind.
        """
        self._workspace({**({"operation": operation} if operation else {}), **fields}, expected)

    def task(self, name: str, reason: str = LOST, *, expected: bool = True, **fields: Any) -> None:
        """Let an attempt of a task fail: ``INTERNAL_ERROR``, ``CLUSTER_TERMINATED``, ``SPOT_INSTANCE_TERMINATION``.

        Parameters: ``name``: its key, or the path of its notebook or file (a pattern with ``*``); ``message``.
        """
        self._workspace({"task": name, "reason": reason, **fields}, expected)

    def statement(self, pattern: str, *, expected: bool = True, **fields: Any) -> None:
        """Let statements fail whose text a regular expression is found in.

        Parameters: ``condition``, ``message``, ``sqlstate`` of the error.
        """
        self._workspace({"statement": pattern, **fields}, expected)

    def expired_token(self, *, expected: bool = True, **fields: Any) -> None:
        """Let requests be refused as with a token that has expired."""
        refusal = {
            "path": "/api/*",
            "status": 403,
            "error_code": "PERMISSION_DENIED",
            "message": "Invalid access token.",
        }
        self._workspace({**refusal, **fields}, expected)

    def s3(self, method: str | None = None, path: str = "*", *, expected: bool = True, **fields: Any) -> None:
        """Let requests to the built-in S3 server fail, by default with SlowDown.

        Parameters: ``path``: a pattern such as ``"/bucket/*"``; ``status``, ``code``, ``message`` of the error.
        """
        if self._stack.settings.s3 != "moto":
            raise ValueError("only the built-in S3 server fails on demand; the setting `s3` names another")
        spec = {**({"method": method} if method else {}), "path": path, **fields}
        self._note("s3", s3.faults(self._stack.s3, "POST", spec), expected)

    def _workspace(self, spec: dict[str, Any], expected: bool) -> None:
        self._note("workspace", self._stack.control("POST", "faults", spec), expected)

    def _note(self, service: str, fault: dict[str, Any], expected: bool) -> None:
        if expected:
            self._expected.add((service, fault["id"]))

    def all(self) -> list[dict[str, Any]]:
        """Every fault as it was given, with ``hits``: how often it fired."""
        found = [{"service": "workspace", **fault} for fault in self._stack.control("GET", "faults")["faults"]]
        if self._stack.settings.s3 == "moto":
            found += [{"service": "s3", **fault} for fault in s3.faults(self._stack.s3, "GET")["faults"]]
        return found

    def missed(self) -> list[dict[str, Any]]:
        """Those that were expected to fire and did not: a test of them has tested nothing."""
        return [
            fault for fault in self.all() if not fault["hits"] and (fault["service"], fault["id"]) in self._expected
        ]

    def clear(self) -> None:
        """Take every fault back, and let go what it holds."""
        self._stack.control("DELETE", "faults")
        if self._stack.settings.s3 == "moto":
            s3.faults(self._stack.s3, "DELETE")
        self._expected.clear()
