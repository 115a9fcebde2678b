from __future__ import annotations

import pytest

from harness.kernel.dbutils import TaskValues
from harness.kernel.widgets import Widgets


def test_a_utility_says_what_it_offers(capsys: pytest.CaptureFixture[str]) -> None:
    Widgets({}).help()
    lines = capsys.readouterr().out.splitlines()
    assert "text(name: 'str', defaultValue: 'str', label: 'str | None' = None): Make a text widget." in lines
    assert {line.partition("(")[0] for line in lines} >= {"dropdown", "combobox", "multiselect", "get", "removeAll"}
    assert not [line for line in lines if line.startswith("_")]


def test_a_utility_says_more_of_one_method(capsys: pytest.CaptureFixture[str]) -> None:
    TaskValues({}).help("get")
    out = capsys.readouterr().out
    assert out.startswith("get(taskKey: 'str', key: 'str'")
    assert "``debugValue`` counts outside of jobs only" in out
    TaskValues({}).help("nothing")
    assert capsys.readouterr().out == "nothing: there is no such method\n"
