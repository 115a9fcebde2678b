"""What clients can ask a workspace for: the operations that the installed databricks-sdk and Airflow provider know.

Read from their sources, which are not imported: Airflow need not be there, and importing the SDK's services takes
seconds. What is not installed knows nothing.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PROVIDER = ("apache-airflow-providers-databricks", "airflow/providers/databricks/hooks/databricks.py")
SDK = ("databricks-sdk", "databricks/sdk")
METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})
# Written by the SDK's generator around path parameters that keep their slashes.
MULTI_SEGMENT = "_escape_multi_segment_path_parameter"


@dataclass(frozen=True)
class Known:
    """One operation. ``client``: the distribution that knows it; ``name``: as its users write it; ``path``: with
    parameters in braces, ``{name:path}`` for one that holds slashes."""

    client: str
    name: str
    method: str
    path: str


@functools.cache
def provider_operations() -> tuple[Known, ...]:
    """The endpoints that the hook of Airflow's provider calls, by the names of its constants or methods."""
    source = _located(*PROVIDER)
    if source is None:
        return ()
    module = ast.parse(source.read_text())
    texts: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                texts[name] = node.value.value
            if (pair := _pair(node.value, texts)) is not None:
                found.setdefault(pair, name)
    for function in ast.walk(module):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in ast.walk(function):
                if (pair := _pair(part, texts)) is not None:
                    found.setdefault(pair, function.name)
    return tuple(Known(PROVIDER[0], name, method, path) for (method, path), name in found.items())


def _pair(node: ast.AST, texts: dict[str, str]) -> tuple[str, str] | None:
    """The method and path of ``("GET", "2.0/…")``, or None when this is no such pair."""
    if not isinstance(node, ast.Tuple) or len(node.elts) != 2:
        return None
    method = _template(node.elts[0], texts)
    path = _template(node.elts[1], texts)
    if method not in METHODS or path is None or not re.match(r"\d\.\d/", path):
        return None
    # "2.0/repos/" is completed by the hook's methods.
    return method, f"/api/{path}{'{id}' if path.endswith('/') else ''}"


@functools.cache
def sdk_operations() -> tuple[Known, ...]:
    """The operations of the SDK's ``WorkspaceClient``, as ``service.method``, in the order of their names."""
    package = _located(*SDK)
    if package is None:
        return ()
    services = {
        node.name: node
        for file in sorted((package / "service").glob("*.py"))
        for node in _classes(file, r"class \w+API\b")
    }
    client = next(_classes(package / "__init__.py", r"class WorkspaceClient\b"))
    return tuple(sorted(set(_operations(client, "", services)), key=lambda known: (known.name, known.method)))


def _operations(owner: ast.ClassDef, prefix: str, services: dict[str, ast.ClassDef]) -> Iterator[Known]:
    """The operations of the services that a class has as properties, and of theirs."""
    for function in owner.body:
        if not isinstance(function, ast.FunctionDef) or function.returns is None:
            continue
        kind = ast.unparse(function.returns).strip("'\"").rpartition(".")[2].replace("Ext", "API")
        if not any(ast.unparse(mark) == "property" for mark in function.decorator_list) or kind not in services:
            continue
        service = services[kind]
        yield from _operations(service, f"{prefix}{function.name}.", services)
        for method in service.body:
            if isinstance(method, ast.FunctionDef):
                for verb, path in _calls(method):
                    yield Known(SDK[0], f"{prefix}{function.name}.{method.name}", verb, path)


def _calls(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """The method and path of each ``self._api.do("GET", "/api/…")`` in a function."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._api.do" and len(node.args) >= 2:
            method, path = (_template(argument, {}) for argument in node.args[:2])
            if method is not None and path is not None:
                yield method, path


def _classes(file: Path, pattern: str) -> Iterator[ast.ClassDef]:
    """The classes of a module whose first line matches: the rest, most of 7 MB, is not parsed."""
    for part in re.split(r"(?m)^(?=class )", file.read_text()):
        if re.match(pattern, part):
            node = ast.parse(part).body[0]
            assert isinstance(node, ast.ClassDef)
            yield node


def _template(node: ast.expr, texts: dict[str, str]) -> str | None:
    """The text of a literal or an f-string, its unknown parts as parameters in braces; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(_part(part, texts) for part in node.values)


def _part(part: ast.expr, texts: dict[str, str]) -> str:
    if not isinstance(part, ast.FormattedValue):
        return str(part.value) if isinstance(part, ast.Constant) else ""
    value, shape = part.value, "{%s}"
    if isinstance(value, ast.Call) and ast.unparse(value.func) == MULTI_SEGMENT:
        value, shape = value.args[0], "/{%s:path}"
    name = ast.unparse(value).removesuffix(".value").rpartition(".")[2]
    return texts.get(name) or shape % name


def _located(distribution: str, path: str) -> Path | None:
    try:
        found = Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError:
        return None
    return found if found.exists() else None


def names(method: str, path: str) -> list[str]:
    """What a request is to its clients, as "lakeview.list of databricks-sdk"; empty when none of them sends it."""
    ours = [op for op in provider_operations() if _fits(op, method, path)]
    theirs = sorted((op for op in sdk_operations() if _fits(op, method, path)), key=lambda op: op.path.count("{"))
    return [f"{op.name} of {op.client}" for op in (*ours, *theirs[:1])]


def _fits(op: Known, method: str, path: str) -> bool:
    return op.method == method and _expression(op.path).fullmatch(path) is not None


@functools.cache
def _expression(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile("".join(_segment(part) if part.startswith("{") else re.escape(part) for part in parts))


def _segment(parameter: str) -> str:
    return ".*" if parameter.endswith(":path}") else "[^/]+"


def shape(template: str) -> str:
    """What two templates have in common that are the same path: its literal parts, and where its parameters are."""
    return re.sub(r"\{[^}]*\}", "{}", template)
