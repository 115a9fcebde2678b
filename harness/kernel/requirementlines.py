"""The lines in which tasks, environments and ``%pip install`` say what they want: those of a ``requirements.txt``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement

# Options with a value that pip and uv understand alike: where packages come from.
SOURCES = {"-i": "--index-url", "-f": "--find-links"} | {
    name: name for name in ("--index-url", "--extra-index-url", "--find-links")
}
FILES = ("-r", "--requirement")


class NotUnderstood(ValueError):
    """A line that asks for something else than packages, wheels and where they come from. The message names it."""


@dataclass
class Wanted:
    """``requirements`` (``name``, ``name[extra]>=3``, …), paths of ``wheels``, and ``options`` as pip takes them."""

    requirements: list[Requirement] = field(default_factory=list)
    wheels: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def add(self, other: Wanted) -> None:
        self.requirements += other.requirements
        self.wheels += other.wheels
        self.options += other.options


def read(lines: Iterable[str], file: Callable[[str], str]) -> Wanted:
    """Understand lines.

    Parameters: ``file``: the text of a requirements file that a line names (``-r``). Raises: ``NotUnderstood``.
    """
    wanted = Wanted()
    for line in lines:
        plain = line.partition(" #")[0].strip()
        if not plain or plain.startswith("#"):
            continue
        name, _, value = plain.replace("=", " ", 1).partition(" ") if plain.startswith("-") else ("", "", "")
        if name in SOURCES:
            wanted.options += [SOURCES[name], value.strip()]
        elif name in FILES:
            wanted.add(read(file(value.strip()).replace("\\\n", " ").splitlines(), file))
        elif name:
            raise NotUnderstood(f"'{plain}' is not supported here.")
        elif plain.endswith(".whl"):
            wanted.wheels.append(plain)
        else:
            wanted.requirements.append(_requirement(plain.partition(" --hash")[0].strip()))
    return wanted


def _requirement(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement:
        raise NotUnderstood(f"'{text}' is not supported here: only names of packages and wheels are.") from None
