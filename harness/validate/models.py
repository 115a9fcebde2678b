"""A document against the dataclasses of databricks-sdk: keys that the API does not know, values it cannot read."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from harness.validate.jobs import Keys, templated


@dataclasses.dataclass(frozen=True)
class Misfit:
    """What does not fit. ``kind``: `key`, `value` or `missing`."""

    kind: str
    keys: Keys
    message: str
    hint: str = ""


@cache
def request_fields(operation: str) -> dict[str, Any]:
    """The fields of a request of the Jobs API with their types: the SDK has a method for it, and no dataclass."""
    from databricks.sdk.service.jobs import JobsAPI

    method = getattr(JobsAPI, operation)
    hints = typing.get_type_hints(method)
    return {name: hints[name] for name in inspect.signature(method).parameters if name in hints and name != "return"}


@cache
def _fields(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def misfits(value: Any, kind: Any, keys: Keys = ()) -> Iterator[Misfit]:
    """Where a value does not fit a type of the SDK. What is known only when the task runs fits anything."""
    if value is None or templated(value):
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        yield from misfits(value, next(a for a in arguments if a is not type(None)), keys)
    elif origin is list:
        if not isinstance(value, (list, tuple)):
            yield _wrong(keys, "a list", value)
            return
        for at, item in enumerate(value):
            yield from misfits(item, arguments[0], (*keys, at))
    elif origin is dict:
        if not isinstance(value, Mapping):
            yield _wrong(keys, "an object", value)
            return
        for name, item in value.items():
            yield from misfits(item, arguments[1], (*keys, name))
    elif dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            yield _wrong(keys, "an object", value)
            return
        yield from fields(value, _fields(typing.cast(type, kind)), keys)
        for name in _required(kind):
            if name not in value:
                yield Misfit("missing", keys, f"{_path((*keys, name))} is required")
    elif isinstance(kind, type):
        yield from _scalar(value, kind, keys)


def fields(value: Mapping[str, Any], known: Mapping[str, Any], keys: Keys = ()) -> Iterator[Misfit]:
    """The keys of an object against those that the API knows."""
    for name, item in value.items():
        if name in known:
            yield from misfits(item, known[name], (*keys, name))
            continue
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        yield Misfit("key", (*keys, name), f"{_path((*keys, name))} is no field of the Jobs API", hint)


def _required(kind: Any) -> list[str]:
    absent = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(kind) if f.default is absent and f.default_factory is absent]


def _scalar(value: Any, kind: type, keys: Keys) -> Iterator[Misfit]:
    # "Databricks can tolerate either" of numbers and strings (airflow/providers/databricks/utils/databricks.py).
    if issubclass(kind, enum.Enum):
        known = [member.value for member in kind]
        if value not in known:
            yield Misfit("value", keys, f"{_path(keys)} is {value!r}: it must be one of {', '.join(known)}")
    elif kind is int:
        if isinstance(value, bool) or not str(value).strip().lstrip("-").isdigit():
            yield _wrong(keys, "an integer", value)
    elif kind is bool:
        if not isinstance(value, bool) and value not in ("true", "false"):
            yield _wrong(keys, "a boolean", value)
    elif kind is str and isinstance(value, (list, tuple, Mapping)):
        yield _wrong(keys, "a string", value)


def _wrong(keys: Keys, wanted: str, value: Any) -> Misfit:
    return Misfit("value", keys, f"{_path(keys)} must be {wanted}, not {value!r}")


def _path(keys: Keys) -> str:
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.lstrip(".")
