"""The line of a ``%run`` cell: which notebook is included, with which widgets."""

from __future__ import annotations

import shlex


class Unsupported(Exception):
    """A cell in a language, or a magic in a place, that is not supported here."""


def run_arguments(text: str) -> tuple[str, dict[str, str]]:
    """Take ``%run ./path $name="value"`` apart. Raises: ``Unsupported`` for more than one line or other words."""
    if "\n" in text.strip():
        raise Unsupported("%run must be the only line of its cell")
    target, *words = shlex.split(text) or [""]
    arguments = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.startswith("$") or not equals:
            raise Unsupported(f'%run takes a notebook and $name="value" arguments, not {word!r}')
        arguments[name[1:]] = value
    if not target:
        raise Unsupported("%run needs the path of a notebook")
    return target, arguments
