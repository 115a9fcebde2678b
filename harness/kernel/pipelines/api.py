"""The modules that sources import: ``from pyspark import pipelines as dp``, and the older ``import dlt``.

Source: docs.databricks.com, "Lakeflow Spark Declarative Pipelines Python language reference". What has an effect on
Databricks and none here is refused by name.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import pyspark

from harness.kernel.pipelines import cdc
from harness.kernel.pipelines.definitions import (
    Action,
    Dataset,
    Expectation,
    Flow,
    Graph,
    Kind,
    NotSupported,
    PipelineError,
    Place,
)

MODULES = ("dlt", "pyspark.pipelines")
# Where a function carries what decorators below and above have said of it.
EXPECTED, DEFINED = "__pipeline_expectations__", "__pipeline_dataset__"
REFUSED = (
    *("apply_changes_from_snapshot", "create_auto_cdc_from_snapshot_flow"),
    *("create_sink", "foreach_batch_sink", "on_event_hook"),
)
# Options with a meaning of their own on Databricks that we do not give them.
WITHOUT = ("path", "row_filter", "temporary", "private", "refresh_policy", "once", "ignore_null_updates_column_list",
           "ignore_null_updates_except_column_list")  # fmt: skip

Function = Callable[..., Any]
Read = Callable[[str], Any]


def install(graph: Graph, read: Read, read_stream: Read, place: Callable[[], Place]) -> None:
    """Make the modules importable.

    Parameters: ``graph``: takes up what is defined; ``read`` and ``read_stream``: the rows of a dataset; ``place``:
    where the code is that runs.
    """
    names = _Names(graph, place, read_stream)
    for module in MODULES:
        made = types.ModuleType(module, __doc__)
        short = module.rpartition(".")[2]
        made.__dict__.update(names.of(short), read=read, read_stream=read_stream)
        made.__dict__["__getattr__"] = _unknown(short)
        sys.modules[module] = made
        if module.startswith("pyspark."):
            setattr(pyspark, short, made)


def _unknown(module: str) -> Callable[[str], Any]:
    def missing(name: str) -> Any:
        raise AttributeError(f"module {module!r} has no attribute {name!r} in the local harness")

    return missing


class _Names:
    """What the modules hold."""

    def __init__(self, graph: Graph, place: Callable[[], Place], read_stream: Read) -> None:
        self._graph = graph
        self._place = place
        self._read_stream = read_stream

    def of(self, module: str) -> dict[str, Any]:
        """The functions, each refusing under its module's name."""
        made: dict[str, Any] = {
            "table": self._dataset(f"{module}.table", Kind.TABLE),
            "materialized_view": self._dataset(f"{module}.materialized_view", Kind.MATERIALIZED_VIEW),
            "view": self._dataset(f"{module}.view", Kind.VIEW),
            "temporary_view": self._dataset(f"{module}.temporary_view", Kind.VIEW),
            "create_streaming_table": self._streaming_table(f"{module}.create_streaming_table"),
            "create_target_table": self._streaming_table(f"{module}.create_target_table"),
            "append_flow": self._append_flow(f"{module}.append_flow"),
            "create_auto_cdc_flow": self._changes(f"{module}.create_auto_cdc_flow"),
            "apply_changes": self._changes(f"{module}.apply_changes"),
        }
        for suffix, action in (("", Action.WARN), ("_or_drop", Action.DROP), ("_or_fail", Action.FAIL)):
            made[f"expect{suffix}"] = self._expect(action)
            made[f"expect_all{suffix}"] = self._expect_all(action)
        for name in REFUSED:
            made[name] = _refusal(f"{module}.{name}")
        return made

    def _dataset(self, what: str, kind: Kind) -> Callable[..., Any]:
        def decorator(query_function: Function | None = None, **given: Any) -> Any:
            where = self._place()

            def define(function: Function) -> Function:
                if not callable(function):
                    raise PipelineError("DECORATOR_ARGUMENT_NOT_CALLABLE", f"@{what} takes its name as name=…", where)
                options = dict(given)
                name = _text(what, "name", options.pop("name", None)) or function.__name__
                conf = _texts(what, "spark_conf", options.pop("spark_conf", None))
                dataset = self._described(what, name, kind, where, options)
                dataset.expectations = list(getattr(function, EXPECTED, ()))
                setattr(function, DEFINED, dataset)
                self._graph.add(dataset)
                self._graph.add_flow(Flow(dataset.name, dataset.name, function, where, conf=conf))
                return function

            return define if query_function is None else define(query_function)

        return decorator

    def _streaming_table(self, what: str) -> Callable[..., None]:
        def create(name: str, **given: Any) -> None:
            where, options = self._place(), dict(given)
            options.pop("spark_conf", None)
            expected: list[Expectation] = []
            for field, action in (
                ("expect_all", Action.WARN),
                ("expect_all_or_drop", Action.DROP),
                ("expect_all_or_fail", Action.FAIL),
            ):
                every = _texts(what, field, options.pop(field, None))
                expected += [Expectation(key, constraint, action) for key, constraint in every.items()]
            dataset = self._described(what, _text(what, "name", name), Kind.STREAMING_TABLE, where, options)
            dataset.expectations = expected
            self._graph.add(dataset)

        return create

    def _append_flow(self, what: str) -> Callable[..., Any]:
        def decorator(target: str, name: str | None = None, once: bool = False, **given: Any) -> Any:
            where, options = self._place(), dict(given)
            conf = _texts(what, "spark_conf", options.pop("spark_conf", None))
            options.pop("comment", None)
            _refuse(what, options)

            def define(function: Function) -> Function:
                full = self._graph.full_name(_text(what, "target", target))
                own = _text(what, "name", name) or function.__name__
                self._graph.add_flow(Flow(own, full, function, where, once=bool(once), conf=conf))
                return function

            return define

        return decorator

    def _changes(self, what: str) -> Callable[..., None]:
        def create(target: str, source: str, keys: list[Any], sequence_by: Any, **given: Any) -> None:
            changes, options = cdc.given(what, keys, sequence_by, given)
            full = self._graph.full_name(_text(what, "target", target))
            own, rows = _text(what, "name", options.pop("name", None)), _text(what, "source", source)
            _refuse(what, options)
            flow = Flow(own or full, full, lambda: self._read_stream(rows), self._place(), changes=changes)
            self._graph.add_flow(flow)

        return create

    def _expect(self, action: Action) -> Callable[..., Any]:
        def decorator(name: str, inv: str) -> Any:
            return self._expecting([Expectation(_text("expect", "name", name), _text("expect", "inv", inv), action)])

        return decorator

    def _expect_all(self, action: Action) -> Callable[..., Any]:
        def decorator(expectations: Mapping[str, str]) -> Any:
            every = _texts("expect_all", "expectations", expectations)
            return self._expecting([Expectation(name, constraint, action) for name, constraint in every.items()])

        return decorator

    def _expecting(self, more: list[Expectation]) -> Callable[[Function], Function]:
        def attach(function: Function) -> Function:
            defined = getattr(function, DEFINED, None)
            if defined is not None:  # the decorator stands above that of the dataset
                defined.expectations += more
            else:
                setattr(function, EXPECTED, [*more, *getattr(function, EXPECTED, ())])
            return function

        return attach

    def _described(self, what: str, name: str, kind: Kind, where: Place, given: dict[str, Any]) -> Dataset:
        options = dict(given)
        comment = _text(what, "comment", options.pop("comment", None))
        dataset = Dataset(name.lower(), kind, where, comment)
        if kind is Kind.VIEW:
            if "." in name:
                raise PipelineError("INVALID_TEMP_OBJ_QUALIFIER", f"A view's name has one part: {name}.", where)
        else:
            dataset.name = self._graph.full_name(name)
            dataset.properties = _texts(what, "table_properties", options.pop("table_properties", None))
            dataset.partitions = _list(what, "partition_cols", options.pop("partition_cols", None))
            dataset.clusters = _list(what, "cluster_by", options.pop("cluster_by", None))
            dataset.schema = options.pop("schema", None)
            options.pop("cluster_by_auto", None)  # how files are laid out, no more
            if str(options.pop("format", None) or "delta").lower() != "delta":
                raise NotSupported(f"{what}(format={given['format']!r})", "; tables of pipelines are Delta tables")
        _refuse(what, options)
        return dataset


def _refusal(what: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotSupported(what)

    return refuse


def _refuse(what: str, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name not in WITHOUT:
            raise TypeError(f"{what}() got an unexpected keyword argument '{name}'")
        if value:
            raise NotSupported(f"{what}({name}=…)")


def _text(what: str, name: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{what}({name}=…) takes a string, not {type(value).__name__}")
    return value or ""


def _texts(what: str, name: str, value: Any) -> dict[str, str]:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{what}({name}=…) takes a dict, not {type(value).__name__}")
    return {str(key): str(item) for key, item in (value or {}).items()}


def _list(what: str, name: str, value: Any) -> list[str]:
    if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise TypeError(f"{what}({name}=…) takes a list of strings")
    return list(value or ())
