"""Streaming DataFrames in display(): the notebook goes on, the cell shows what came until its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.runner.run import Result
from tests.runner.conftest import Bench, executed

STREAM = "stream = spark.readStream.schema('n int').json({folder!r})"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three rows."""
    made = tmp_path / "in"
    made.mkdir()
    (made / "a.json").write_text("".join(f'{{"n": {n}}}\n' for n in (11, 12, 11)))
    return made


def shown(cell: dict[str, object]) -> list[str]:
    """The lines of the tables that a cell shows."""
    outputs = cell["outputs"]
    assert isinstance(outputs, list)
    return [line for each in outputs for line in each.get("data", {}).get("text/plain", "").splitlines()]


def test_a_displayed_stream_goes_on_beside_the_notebook_and_ends_with_it(bench: Bench, folder: Path) -> None:
    more = "import pathlib; pathlib.Path({place!r}).write_text('{{\"n\": 13}}\\n')"
    task = bench.notebook(
        STREAM.format(folder=str(folder)) + "\ndisplay(stream, streamName='my stream')",
        "import json\nnames = [query.name for query in spark.streams.active]",
        more.format(place=str(folder / "b.json")),
        "dbutils.notebook.exit(json.dumps(names))",
    )
    assert task.state.result is Result.SUCCESS, task.output.error_trace
    assert json.loads(task.output.result or "") == ["my stream"]
    head, *rows = shown(executed(task)[0])
    assert (head, sorted(rows)) == ("n", ["11", "11", "12", "13"])


def test_a_displayed_aggregate_is_shown_whole(bench: Bench, folder: Path) -> None:
    task = bench.notebook(STREAM.format(folder=str(folder)), "display(stream.groupBy('n').count())")
    assert task.state.result is Result.SUCCESS, task.output.error_trace
    assert sorted(shown(executed(task)[1])[1:]) == ["11  2", "12  1"]


def test_a_displayed_stream_goes_on_where_its_checkpoint_is(bench: Bench, folder: Path, tmp_path: Path) -> None:
    cells = (
        STREAM.format(folder=str(folder)),
        f"display(stream, checkpointLocation={str(tmp_path / 'checkpoint')!r}, trigger={{'availableNow': True}})",
    )
    first = bench.notebook(*cells)
    (folder / "b.json").write_text('{"n": 13}\n')
    second = bench.notebook(*cells)
    assert [sorted(shown(executed(task)[1])[1:]) for task in (first, second)] == [["11", "11", "12"], ["13"]]


def test_a_displayed_stream_that_fails_fails_its_notebook(bench: Bench, folder: Path) -> None:
    task = bench.notebook(
        STREAM.format(folder=str(folder)),
        "display(stream.selectExpr(\"raise_error('no such ' || n) AS said\"))",
        "dbutils.notebook.exit('went on')",
    )
    assert (task.state.result, task.output.result) == (Result.FAILED, None)
    assert "StreamingQueryException" in (task.output.error or "")
    assert "no such 11" in (task.output.error_trace or task.output.error or "")
    assert task.output.place.endswith("cell 2, line 4"), task.output.place
    assert executed(task)[1]["outputs"][-1]["ename"] == "StreamingQueryException"


def test_an_unusable_trigger_is_refused(bench: Bench, folder: Path) -> None:
    task = bench.notebook(STREAM.format(folder=str(folder)), "display(stream, trigger='5 seconds')")
    assert "ValueError: display(trigger='5 seconds')" in (task.output.error or "")
