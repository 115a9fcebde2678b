from __future__ import annotations

import pytest

from harness.kernel.widgets import InputWidgetNotDefined, Widgets


def test_a_widget_that_nobody_defined_is_refused_in_databricks_words() -> None:
    with pytest.raises(InputWidgetNotDefined, match=r"^No input widget named day is defined$"):
        Widgets({}).get("day")


def test_what_the_task_gives_wins_over_defaults_and_needs_no_definition() -> None:
    widgets = Widgets({"day": "monday"})
    widgets.text("day", "sunday")
    widgets.text("n", "1", "a label")
    assert (widgets.get("day"), widgets.get("n")) == ("monday", "1")
    assert widgets.getAll() == {"day": "monday", "n": "1"}
    assert widgets.getArgument("other", "x") == "x"


def test_defining_a_widget_again_changes_nothing_until_it_is_removed() -> None:
    widgets = Widgets({})
    widgets.text("n", "1")
    widgets.text("n", "2")
    assert widgets.get("n") == "1"
    widgets.remove("n")
    widgets.text("n", "2")
    assert widgets.get("n") == "2"
    widgets.removeAll()
    with pytest.raises(InputWidgetNotDefined):
        widgets.remove("n")


def test_choices_bind_dropdown_and_multiselect_but_not_combobox() -> None:
    widgets = Widgets({})
    widgets.dropdown("a", "x", ["x", "y"])
    widgets.combobox("b", "z", ["x"])
    widgets.multiselect("c", "x,y", ["x", "y"])
    assert widgets.getAll() == {"a": "x", "b": "z", "c": "x,y"}
    with pytest.raises(ValueError, match="'z' is not one of the choices"):
        widgets.dropdown("d", "z", ["x"])
    with pytest.raises(ValueError, match="'z' is not one of the choices"):
        widgets.multiselect("e", "x,z", ["x"])


def test_arguments_of_an_included_notebook_hold_while_it_runs() -> None:
    widgets = Widgets({"a": "1"})
    with widgets.given({"a": "2", "b": "3"}):
        assert widgets.getAll() == {"a": "2", "b": "3"}
    assert widgets.getAll() == {"a": "1"}
