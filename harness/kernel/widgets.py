"""``dbutils.widgets``: the parameters of a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from harness.kernel.help import Helped


class InputWidgetNotDefined(Exception):
    """A widget was read or removed that neither the notebook nor the task's parameters define."""

    def __init__(self, name: str) -> None:
        # The service's words: com.databricks.dbutils_v1.InputWidgetNotDefined.
        super().__init__(f"No input widget named {name} is defined")


class Widgets(Helped):
    """Widgets by name. A value given by the task wins over a default; making an existing widget changes nothing."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._given = dict(parameters)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:
        """Make a text widget."""
        self._define(name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget of one of ``choices``. Raises: ``ValueError`` when the default is none of them."""
        self._choose([defaultValue], choices)
        self._define(name, defaultValue)

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget that proposes ``choices``; the value may be another."""
        self._define(name, defaultValue)

    def multiselect(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:
        """Make a widget of some of ``choices``, joined by commas. Raises: ``ValueError`` for another default."""
        self._choose(defaultValue.split(",") if defaultValue else [], choices)
        self._define(name, defaultValue)

    def get(self, name: str) -> str:
        """The value of a widget. Raises: ``InputWidgetNotDefined``."""
        if name in self._given:
            return self._given[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(name)

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        """The value of a widget, or ``defaultValue``: the older form of :meth:`get`."""
        try:
            return self.get(name)
        except InputWidgetNotDefined:
            if defaultValue is None:
                raise
            return defaultValue

    def getAll(self) -> dict[str, str]:
        """All widgets and their values."""
        return {**self._defaults, **self._given}

    def remove(self, name: str) -> None:
        """Remove a widget. Raises: ``InputWidgetNotDefined``."""
        if name not in self._defaults and name not in self._given:
            raise InputWidgetNotDefined(name)
        self._defaults.pop(name, None)
        self._given.pop(name, None)

    def removeAll(self) -> None:
        """Remove all widgets."""
        self._defaults.clear()
        self._given.clear()

    @contextmanager
    def given(self, arguments: Mapping[str, str]) -> Iterator[None]:
        """The widgets as a notebook included by ``%run`` with arguments sees them."""
        before = dict(self._given)
        self._given.update(arguments)
        try:
            yield
        finally:
            self._given = before

    def _define(self, name: str, default: str) -> None:
        self._defaults.setdefault(name, str(default))

    def _choose(self, chosen: Sequence[str], choices: Sequence[str]) -> None:
        for value in chosen:
            if value not in choices:
                raise ValueError(f"The default value {value!r} is not one of the choices {list(choices)!r}")
