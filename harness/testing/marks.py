"""``@pytest.mark.harness(…)``: what holds for every DAG run of a test, and for the stack while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.faults import Faults
from harness.stack import Stack

# Options of `run_dag`; what a call says itself wins.
RUN = (
    "conf",
    "params",
    "logical_date",
    "run_after",
    "partition_key",
    "follow_assets",
    "mocks",
    "variables",
    "connections",
    "pools",
    "fast",
    "freeze",
    "network",
)
TEST = ("faults", "secrets", "hold")
HELP = (
    "harness(…): options of every run_dag of a test (variables, connections, pools, params, mocks, …), and of its "
    "stack: faults={'task': {'name': …}}, secrets={'scope/key': …}, hold=seconds"
)


@dataclass(frozen=True)
class Marked:
    """What the marks of one test say, the nearest mark first; mappings are merged."""

    run: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[tuple[str, Mapping[str, Any]]] = ()
    hold: float | None = None

    @classmethod
    def of(cls, item: pytest.Item) -> Marked:
        """Raises: ``pytest.UsageError`` for an option that there is not."""
        options: dict[str, Any] = {}
        faults: list[tuple[str, Mapping[str, Any]]] = []
        for mark in reversed(list(item.iter_markers("harness"))):
            unknown = [*map(repr, mark.args), *(set(mark.kwargs) - {*RUN, *TEST})]
            if unknown:
                raise pytest.UsageError(
                    f"{item.nodeid}: mark harness has no option {unknown[0]}; it has {', '.join([*RUN, *TEST])}"
                )
            given = dict(mark.kwargs)
            faults += _faults(given.pop("faults", {}), item.nodeid)
            options = _merged(options, given)
        secrets, hold = options.pop("secrets", {}), options.pop("hold", None)
        return cls(options, secrets, faults, hold)

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options of one ``run_dag``."""
        return _merged(self.run, given)

    def apply(self, stack: Stack) -> Faults | None:
        """Bring a clean stack into the state that the marks ask for. Returns: the faults that were made, if any."""
        if self.secrets:
            self._make_secrets(stack)
        if self.hold is not None:
            stack.control("POST", "hold", {"seconds": self.hold})
        if not self.faults:
            return None
        made = Faults(stack)
        for kind, fields in self.faults:
            getattr(made, kind)(**fields)
        return made

    def _make_secrets(self, stack: Stack) -> None:
        from databricks.sdk import WorkspaceClient

        secrets = WorkspaceClient(host=stack.workspace_url, token=stack.token).secrets
        scopes = {each.name for each in secrets.list_scopes()}
        for name, value in self.secrets.items():
            scope, _, key = name.partition("/")
            if scope not in scopes:
                secrets.create_scope(scope)
                scopes.add(scope)
            secrets.put_secret(scope, key, string_value=value)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = [name for name in base if isinstance(base[name], Mapping) and isinstance(over.get(name), Mapping)]
    return {**base, **over, **{name: {**base[name], **over[name]} for name in both}}


def _faults(given: Mapping[str, Any], test: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """``{"task": {"name": "load"}, "request": [{…}, {…}]}`` as calls of ``Faults``."""
    for kind, calls in given.items():
        if kind not in ("request", "task", "statement", "expired_token", "s3"):
            raise pytest.UsageError(f"{test}: mark harness knows no fault {kind!r}")
        for fields in [calls] if isinstance(calls, Mapping) else calls:
            yield kind, fields
