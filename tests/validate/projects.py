"""Projects in compact form: one text file with a `--- path` line before each of its files.

A wheel's section holds its own files, each below a `>>> path` line. A line that ends in `# <- rule` (or `-- <- rule`)
is where that rule is broken; the mark is not part of the project.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_MARK = re.compile(r"\s*(?:#|--)\s*<-\s*(?P<rules>[\w-]+(?:, [\w-]+)*)$")


def unpack(text: str, folder: Path) -> list[tuple[str, str, int]]:
    """Write a project's files. Returns: the findings that it marks, as (rule, path, line)."""
    marked: list[tuple[str, str, int]] = []
    for section in re.split(r"^--- ", text, flags=re.M)[1:]:
        name, _, body = section.partition("\n")
        lines = body.rstrip("\n").split("\n")
        for number, line in enumerate(lines, 1):
            if match := _MARK.search(line):
                lines[number - 1] = line[: match.start()]
                marked += [(rule, name, number) for rule in match["rules"].split(", ")]
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".whl":
            _wheel(file, lines)
            continue
        file.write_text("\n".join(lines) + "\n")
    return sorted(marked)


def _wheel(file: Path, lines: list[str]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for section in re.split(r"^>>> ", "\n".join(lines), flags=re.M)[1:]:
            name, _, body = section.partition("\n")
            archive.writestr(name, body)
