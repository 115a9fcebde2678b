"""Expectations: rows counted, left out, or the end of the update, by what Spark computes as it writes them.

Source: docs.databricks.com, "Manage data quality with pipeline expectations". A row for which a constraint is NULL does
not meet it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from harness.kernel.pipelines.definitions import Action, Dataset, Expectation

# In what raise_error says: what follows is the violation, in JSON.
_MARK = "harness-expectation:"
_RAISED = re.compile(re.escape(_MARK) + r"(\{.*\})")
# How much of a row is shown.
_ROW = 1000


@dataclass
class Counts:
    """What became of the rows of a flow. ``failed``: by the number of each expectation."""

    dataset: Dataset
    expectations: list[Expectation]
    name: str
    read: int = 0
    written: int = 0
    failed: dict[int, int] = field(default_factory=dict)
    observation: Observation | None = None

    def take(self, metrics: Mapping[str, Any]) -> None:
        """Add what Spark has counted."""
        self.read += int(metrics.get("rows") or 0)
        self.written += int(metrics.get("written") or 0)
        for at in range(len(self.expectations)):
            self.failed[at] = self.failed.get(at, 0) + int(metrics.get(f"failed_{at}") or 0)

    @property
    def dropped(self) -> int:
        return self.read - self.written

    def quality(self) -> list[dict[str, Any]]:
        """As the event log has it: ``flow_progress.data_quality.expectations``."""
        return [
            {
                "name": each.name,
                "dataset": self.dataset.name,
                "passed_records": self.read - self.failed.get(at, 0),
                "failed_records": self.failed.get(at, 0),
            }
            for at, each in enumerate(self.expectations)
        ]


def apply(frame: DataFrame, dataset: Dataset, name: str, *, observing: bool = True) -> tuple[DataFrame, Counts]:
    """The rows that a dataset takes of a query's.

    Parameters: ``name``: of the metrics, unique within the query; ``observing``: whether they are counted.
    """
    expectations = dataset.expectations
    counts = Counts(dataset, expectations, name)
    met = [F.coalesce(F.expr(f"({each.constraint})").cast("boolean"), F.lit(False)) for each in expectations]
    keeps = F.lit(True)
    for each, condition in zip(expectations, met, strict=True):
        if each.action is Action.DROP:
            keeps = keeps & condition
    if observing:
        measured: list[Column] = [F.count(F.lit(1)).alias("rows"), F.count_if(keeps).alias("written")]
        measured += [F.count_if(~condition).alias(f"failed_{at}") for at, condition in enumerate(met)]
        if frame.isStreaming:
            frame = frame.observe(name, *measured)
        else:
            counts.observation = Observation(name)
            frame = frame.observe(counts.observation, *measured)
    for each, condition in zip(expectations, met, strict=True):
        if each.action is Action.FAIL:
            frame = frame.where(F.when(condition, True).otherwise(_raises(each, frame).cast("boolean")))
    if any(each.action is Action.DROP for each in expectations):
        frame = frame.where(keeps)
    return frame, counts


def _raises(expectation: Expectation, frame: DataFrame) -> Column:
    head = json.dumps({"name": expectation.name})[:-1] + ', "row": '
    row = F.to_json(F.struct(*[F.col(f"`{name.replace('`', '``')}`") for name in frame.columns]))
    return F.raise_error(
        F.concat(F.lit(_MARK + head), F.to_json(F.struct(F.substring(row, 1, _ROW).alias("r"))), F.lit("}"))
    )


def violation(flow: str, error: BaseException) -> str | None:
    """What Databricks says of a row that has failed an update, if that is why it failed."""
    match = _RAISED.search(str(error))
    if match is None:
        return None
    try:
        said = json.loads(match[1])
    except ValueError:
        return f"[EXPECTATION_VIOLATION.VERBOSITY_NONE] Flow '{flow}' failed to meet the expectation."
    return (
        f"[EXPECTATION_VIOLATION.VERBOSITY_ALL] Flow '{flow}' failed to meet the expectation. "
        f"Violated expectations: '{said['name']}'. Input data: '{said['row']['r']}'."
    )
