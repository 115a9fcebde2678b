"""What this workspace serves, and what clients know beyond that: one list, drawn from the routes.

It drives ``harness capabilities``, ``/_harness/capabilities`` and docs/capabilities.md; the 501 answers (errors.py)
name the same operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from starlette.routing import BaseRoute, Route

from harness.workspace.knownapis import PROVIDER, SDK, Known, provider_operations, sdk_operations, shape
from harness.workspace.requestlog import operation_of
from harness.workspace.store import Document

# The harness's own: its control interface, the run pages, links that clients are handed and follow.
OWN = ("/_harness/", "/_view/", "/_staging/", "/_results/", "/_artifacts/")
# A parameter that stands for the names of some types, which our routes may spell out.
TYPE = re.compile(r"\{\w*type\}")
VERSION = re.compile(r"(?<=^/api/)\d\.\d(?=/)")


@dataclass(frozen=True)
class Capability:
    """One operation of the API. ``handler``: what serves it, as ``module.function``, empty when nothing does.

    ``path``: with parameters in braces, of the newest version; ``others``: the same in other versions.
    ``provider``, ``sdk``: the names under which Airflow's provider and databricks-sdk call it.
    """

    method: str
    path: str
    handler: str = ""
    others: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    sdk: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def served(self) -> bool:
        return bool(self.handler)

    @property
    def service(self) -> str:
        """The SDK's service, or the first parts of the path for what the SDK does not know."""
        if self.sdk:
            return self.sdk[0].rpartition(".")[0]
        return self.path.removeprefix("/api/").partition("{")[0].strip("/")

    def document(self) -> Document:
        """The JSON form."""
        return {
            "method": self.method,
            "path": self.path,
            "service": self.service,
            "served": self.served,
            "operation": self.handler,
            "other_paths": list(self.others),
            "provider": list(self.provider),
            "sdk": list(self.sdk),
        }


def capabilities(routes: Iterable[BaseRoute]) -> list[Capability]:
    """Everything that the routes serve, and everything that the provider and the SDK could ask for beside it."""
    clients: dict[tuple[str, str], list[Known]] = {}
    for op in (*provider_operations(), *sdk_operations()):
        # Starlette answers HEAD wherever it answers GET, and by the same handler.
        clients.setdefault((op.method.replace("HEAD", "GET"), shape(op.path)), []).append(op)
    served = list(_served(routes))
    keys = [[(row.method, shape(path)) for path in (row.path, *row.others)] for row in served]
    rows = [
        _named(row, [op for key in of for op in clients.get(key, ())]) for row, of in zip(served, keys, strict=True)
    ]
    absent = clients.keys() - {key for of in keys for key in of}
    for key in [key for key in absent if TYPE.search(clients[key][0].path)]:
        of_types = [at for at, of in enumerate(keys) if any(_is_of(clients[key][0], *each) for each in of)]
        for at in of_types:
            rows[at] = replace(rows[at], sdk=(*rows[at].sdk, *_named(rows[at], clients[key]).sdk))
        absent -= {key} if of_types else set()
    rows += [_named(Capability(ops[0].method, ops[0].path), ops) for key, ops in clients.items() if key in absent]
    return rows


def _is_of(operation: Known, method: str, path: str) -> bool:
    """Whether a route serves one of the types that an operation's path leaves open."""
    pattern = TYPE.sub("[^/{}]+", re.sub(r"\{(?!\w*type\})[^}]*\}", "{}", operation.path)).replace("{}", r"\{\}")
    return method == operation.method and re.fullmatch(pattern, path) is not None


def _served(routes: Iterable[BaseRoute]) -> Iterator[Capability]:
    """One row an operation: the routes of a handler that differ in nothing but the API's version are one."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for route in routes:
        if not isinstance(route, Route) or route.path == "/" or route.path.startswith(OWN):
            continue
        (method,) = (route.methods or set()) - {"HEAD"}
        key = (operation_of(route.endpoint), method, VERSION.sub("*", route.path.rstrip("/")))
        grouped.setdefault(key, []).append(route.path)
    for (handler, method, _), paths in grouped.items():
        newest, *others = sorted(paths, key=lambda path: (VERSION.findall(path), not path.endswith("/")), reverse=True)
        yield Capability(method, newest, handler, tuple(others))


def _named(row: Capability, known: Iterable[Known]) -> Capability:
    def names(client: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(op.name for op in known if op.client == client))

    return replace(row, provider=names(PROVIDER[0]), sdk=names(SDK[0]))
