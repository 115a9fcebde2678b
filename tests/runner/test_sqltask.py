from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lake.paths import WorkspacePaths
from harness.lake.sql.parameters import Parameter
from harness.runner.sqltask import of_file, of_query
from harness.runner.taskkinds import CannotRun


def a_query(text: str = "SELECT :a", **definition: Any) -> dict[str, Any]:
    return {"query_text": text, "parameters": [{"name": "a", **definition}] if definition else []}


@pytest.mark.parametrize(
    ("definition", "given", "parameter"),
    [
        ({"text_value": {"value": "x"}}, {}, Parameter("a", text="x")),
        ({"text_value": {"value": "x"}}, {"a": "y"}, Parameter("a", text="y")),
        ({"numeric_value": {"value": 7.0}}, {}, Parameter("a", "BIGINT", "7")),
        ({"numeric_value": {"value": 7.5}}, {"a": "8"}, Parameter("a", "BIGINT", "8")),
        ({"numeric_value": {"value": 7.5}}, {}, Parameter("a", "DOUBLE", "7.5")),
        ({"date_value": {"date_value": "2026-01-02"}}, {}, Parameter("a", "DATE", "2026-01-02")),
        ({"enum_value": {"values": ["x"], "enum_options": "x\ny"}}, {}, Parameter("a", text="x")),
        ({"query_backed_value": {"query_id": "q"}}, {"a": "z"}, Parameter("a", text="z")),
        ({}, {"a": "z"}, Parameter("a", text="z")),
    ],
)
def test_a_saved_querys_parameters_have_their_values_unless_the_task_gives_others(
    definition: dict[str, Any], given: dict[str, str], parameter: Parameter
) -> None:
    assert of_query(a_query(**definition), given).parameters == [parameter]


def test_a_value_that_only_another_query_knows_is_refused_by_its_name() -> None:
    with pytest.raises(CannotRun, match="parameter 'a' is of a kind that is not supported here"):
        of_query(a_query(query_backed_value={"query_id": "q"}), {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT {{ day }}", r"\(\{\{ day \}\}\) are not supported here: use :day"),
        ("-- nothing\n;", "There is no SQL statement"),
        ("SELECT 'a", "unclosed"),
    ],
)
def test_what_is_no_script_cannot_run(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(CannotRun, match=reason):
        of_file("/Workspace/x.sql", {}, WorkspacePaths({"/Workspace": tmp_path}))
