"""What the sources of a pipeline define: datasets, the flows that fill them, and the expectations on their rows.

Error conditions are those of Spark's own declarative pipelines (pyspark 4.2, error-conditions.json), which
Databricks' have grown from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.kernel.spec import KernelError
from harness.lake.sql.tokens import Kind as Lexical
from harness.lake.sql.tokens import UnclosedToken, tokens

if TYPE_CHECKING:
    from harness.kernel.pipelines.changes import Changes


class PipelineError(Exception):
    """A pipeline that cannot be run as it is defined. The message begins with the error condition."""

    def __init__(self, condition: str, message: str, place: Place | None = None) -> None:
        super().__init__(f"[{condition}] {message}")
        self.condition = condition
        self.place = place


class NotSupported(PipelineError):
    """Something that Databricks' pipelines have and these have not, by name."""

    def __init__(self, what: str, reason: str = "") -> None:
        super().__init__("UNSUPPORTED_FEATURE.LOCAL_HARNESS", f"{what} is not supported by the local harness{reason}.")


@dataclass(frozen=True)
class Place:
    """Where something is defined: a file as its author knows it, and a line of it, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class SourceFailed(Exception):
    """A notebook that failed while it was run. ``error``: what it says of it."""

    def __init__(self, error: KernelError) -> None:
        super().__init__(f"{error.name}: {error.value}")
        self.error = error
        self.place = Place(error.notebook, error.line)


class Kind(StrEnum):
    """What a dataset is. ``TABLE``: a materialized view or a streaming table, as its query turns out to be."""

    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    STREAMING_TABLE = "STREAMING_TABLE"
    TABLE = "TABLE"
    VIEW = "VIEW"


class Action(StrEnum):
    """What becomes of rows that do not meet an expectation."""

    WARN = "ALLOW"
    DROP = "DROP"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Expectation:
    """A condition on each row, in SQL."""

    name: str
    constraint: str
    action: Action


@dataclass
class Flow:
    """A query that fills a dataset. ``function`` makes its rows, each time anew; given a folder for the schemas of
    files if it is ``located``. ``once``: only after a full refresh. ``conf``: Spark's, while it runs. ``changes``: what
    its rows are, if they are changes (changes.py)."""

    name: str
    target: str
    function: Callable[..., Any]
    place: Place
    once: bool = False
    conf: Mapping[str, str] = field(default_factory=dict)
    located: bool = False
    changes: Changes | None = None


@dataclass
class Dataset:
    """A table or view. ``name``: in full, of a view its only part. ``schema``: DDL or a ``StructType``."""

    name: str
    kind: Kind
    place: Place
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    partitions: list[str] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)
    schema: Any = None
    expectations: list[Expectation] = field(default_factory=list)
    query: str = ""

    @property
    def is_view(self) -> bool:
        return self.kind is Kind.VIEW


class Graph:
    """All that the sources of a pipeline have defined.

    Parameters: ``catalog`` and ``schema``: where names with fewer parts are.
    """

    def __init__(self, catalog: str, schema: str) -> None:
        self.catalog, self.schema = catalog, schema
        self.datasets: dict[str, Dataset] = {}
        self.flows: list[Flow] = []
        # The names of one part in what queries have asked of Spark since this was cleared: a view's name may be the
        # last part of a table's.
        self.mentioned: set[str] = set()

    def mention(self, text: str) -> str:
        """Take note of the names in a text that a query hands to Spark. Returns: the text."""
        with contextlib.suppress(UnclosedToken):  # Spark says it better
            read = list(tokens(text))
            for at, token in enumerate(read):
                dotted = any(each.is_mark(".") for each in (*read[max(0, at - 1) : at], *read[at + 1 : at + 2]))
                if token.kind in (Lexical.WORD, Lexical.NAME) and not dotted:
                    self.mentioned.add(token.value.lower())
        return text

    def full_name(self, name: str) -> str:
        """A table's name with three parts. Raises: ``PipelineError`` for one with more."""
        parts = [part.strip("`") for part in name.split(".")]
        if parts[0].upper() == "LIVE":
            parts = parts[1:]
        if not 1 <= len(parts) <= 3 or not all(parts):
            raise PipelineError("IDENTIFIER_TOO_MANY_NAME_PARTS", f"`{name}` is not the name of a table.")
        return ".".join([*(self.catalog, self.schema)[: 3 - len(parts)], *parts][-3:]).lower()

    def add(self, dataset: Dataset) -> None:
        """Take up a dataset. Raises: ``PipelineError`` for a name that is taken."""
        if (other := self._taken(dataset)) is not None:
            raise PipelineError(
                "PIPELINE_DUPLICATE_IDENTIFIERS.OUTPUT",
                f"Attempted to register a {dataset.kind} with identifier {dataset.name}, but a {other.kind} has "
                f"already been registered with that identifier ({other.place}).",
                dataset.place,
            )
        self.datasets[dataset.name] = dataset

    def _taken(self, dataset: Dataset) -> Dataset | None:
        """The dataset of a name: a view has that of a table in the pipeline's own schema."""
        full = self.full_name(dataset.name)
        return next((each for each in self.datasets.values() if self.full_name(each.name) == full), None)

    def add_flow(self, flow: Flow) -> None:
        """Take up a flow. Raises: ``PipelineError`` for a name that is taken."""
        if (other := next((each for each in self.flows if each.name == flow.name), None)) is not None:
            raise PipelineError(
                "PIPELINE_DUPLICATE_IDENTIFIERS.FLOW",
                f"Flow {flow.name} was found in multiple datasets: {other.target}, {flow.target}.",
                flow.place,
            )
        self.flows.append(flow)

    def flows_of(self, dataset: Dataset) -> list[Flow]:
        return [flow for flow in self.flows if flow.target == dataset.name]

    @property
    def tables(self) -> Iterator[Dataset]:
        return (dataset for dataset in self.datasets.values() if not dataset.is_view)

    def check(self) -> None:
        """Say what no query is needed to know. Raises: ``PipelineError``."""
        if not any(True for _ in self.tables):
            raise PipelineError(
                "RUN_EMPTY_PIPELINE",
                "Pipelines are expected to have at least one non-temporary dataset defined (tables, persisted views) "
                "but no non-temporary datasets were found in your pipeline. Please verify that you have included the "
                "expected source files, and that your source code includes table definitions.",
            )
        for flow in self.flows:
            target = self.datasets.get(flow.target)
            if target is None or (target.is_view and flow.name != target.name):
                raise PipelineError(
                    "TABLE_OR_VIEW_NOT_FOUND",
                    f"Flow {flow.name} writes to {flow.target}, which the pipeline does not define as a table.",
                    flow.place,
                )
        for dataset in self.datasets.values():
            flows = self.flows_of(dataset)
            if not flows:
                raise PipelineError(
                    "PIPELINE_DATASET_WITHOUT_FLOW",
                    f"Pipeline dataset {dataset.name} does not have any defined flows. Please attach a query with the "
                    "dataset's definition, or explicitly define at least one flow that writes to the dataset.",
                    dataset.place,
                )
            if len({flow.changes.shape if flow.changes else None for flow in flows}) > 1:
                raise PipelineError(
                    "MULTIPLE_FLOW_TYPES",
                    f"The flows of {dataset.name} must all be AUTO CDC flows of the same keys and SCD type, or none.",
                    flows[1].place,
                )
            if len(flows) > 1 and dataset.kind is Kind.MATERIALIZED_VIEW:
                raise PipelineError(
                    "MATERIALIZED_VIEW_WITH_MULTIPLE_QUERIES",
                    f"Materialized view {dataset.name} has multiple queries: {', '.join(f.name for f in flows)}.",
                    flows[1].place,
                )
