"""What the workspace serves, for people: the list behind ``harness capabilities`` and docs/capabilities.md."""

from __future__ import annotations

from collections.abc import Iterator

from harness.workspace.app import ROUTES
from harness.workspace.capabilities import Capability, capabilities


def listed() -> list[Capability]:
    """Every operation that is served, and every other that the provider or the SDK knows."""
    return capabilities(ROUTES)


def counts(rows: list[Capability]) -> dict[str, tuple[int, int]]:
    """How many operations of each service are served, and how many there are, by the service's name."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        served, known = found.get(row.service, (0, 0))
        found[row.service] = (served + row.served, known + 1)
    return dict(sorted(found.items()))


def overview(rows: list[Capability]) -> Iterator[str]:
    """The list in short: what Airflow's provider asks for, then each service by its numbers."""
    provider = [row for row in rows if row.provider]
    yield f"Airflow's provider: {sum(row.served for row in provider)} of {len(provider)} requests are served"
    yield from (f"  {'served' if row.served else 'absent'}  {row.key}" for row in provider)
    yield "databricks-sdk: operations served, of each service"
    nothing = []
    for service, (served, known) in counts([row for row in rows if row.sdk]).items():
        if served:
            yield f"  {served:3} of {known:3}  {service}"
        else:
            nothing.append(service)
    yield f"nothing of: {', '.join(nothing)}"
