"""A stack filled from a folder of ordinary files: what a team keeps beside its tests."""

from __future__ import annotations

from pathlib import Path

from harness.testing.factories import Factory

TABLES = (".csv", ".json", ".parquet")
ROOMS = ("tables", "objects", "volumes", "notebooks")


class BadSeed(ValueError):
    """A file of a seed has no place. The message names it and says where it belongs."""


def seed(factory: Factory, folder: Path) -> list[str]:
    """Make what a folder holds.

    ``tables/<catalog>/<schema>/<table>.csv`` (or ``.json``, ``.parquet``), with its types in ``<table>.ddl`` beside it
    if they are not to be guessed; ``objects/<bucket>/<key>``; ``volumes/<catalog>/<schema>/<volume>/<path>``;
    ``notebooks/<path in the workspace>``.
    Returns: what was made. Raises: ``BadSeed``, before anything is made.
    """
    if not folder.is_dir():
        raise BadSeed(f"there is no folder {folder}")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith(".")]
    for file in files:
        _check(file.relative_to(folder))
    made: list[str] = []
    for file in files:
        room, *parts = file.relative_to(folder).parts
        if room == "tables" and file.suffix in TABLES:
            types = file.with_suffix(".ddl")
            name = ".".join([*parts[:2], file.stem])
            made.append(factory.table(name, file, types.read_text(encoding="utf-8") if types.exists() else None))
        elif room == "objects":
            made.append(factory.object("/".join(parts), file))
        elif room == "volumes":
            root = factory.volume(".".join(parts[:3]), {"/".join(parts[3:]): file})
            made.append(f"{root}/{'/'.join(parts[3:])}")
        elif room == "notebooks":
            made.append(factory.notebook(file, "/" + "/".join([*parts[:-1], file.stem])))
    return made


def _check(path: Path) -> None:
    room, *parts = path.parts
    if room not in ROOMS:
        raise BadSeed(f"{path}: files of a seed are in {', '.join(ROOMS)}")
    if room == "tables" and (len(parts) != 3 or path.suffix not in (*TABLES, ".ddl")):
        raise BadSeed(f"{path}: a table is tables/<catalog>/<schema>/<table>{' or '.join(TABLES)}, its types are .ddl")
    if room == "objects" and len(parts) < 2:
        raise BadSeed(f"{path}: an object is objects/<bucket>/<key>")
    if room == "volumes" and len(parts) < 4:
        raise BadSeed(f"{path}: a volume's file is volumes/<catalog>/<schema>/<volume>/<path>")
