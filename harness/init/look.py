"""What a repository holds, as far as its files say: DAGs, notebooks, bundles, the forge that it lives on."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.lake.paths import SOURCE_MARKS
from harness.validate.frames import FOREIGN

_DAG = re.compile(r"\bDAG\s*\(|^\s*@dag\b", re.M)
_BUNDLES = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
_BUCKET = re.compile(r"""\bs3[an]?://(?:[\w.-]+@)?([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?=[/"'`])""")
_BUCKET_ARGUMENT = re.compile(r"""\b(?:Bucket|bucket_name|bucket)\s*=\s*["']([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])["']""")


@dataclass(frozen=True)
class Repository:
    """``dags``: the folder of its DAG files; ``others``: more such folders; paths are relative to ``root``."""

    root: Path
    dags: Path
    others: tuple[Path, ...]
    notebooks: tuple[Path, ...]
    bundles: tuple[Path, ...]
    buckets: tuple[str, ...]
    forge: str


class NoDags(LookupError):
    """There is no DAG file in the repository."""


def look(root: Path, dags: Path | None = None) -> Repository:
    """Look at a repository. Parameters: ``dags``: its DAG folder, if known. Raises: ``NoDags``."""
    texts = {path: _text(root / path) for path in _files(root, ".py", ".ipynb", ".sql")}
    notebooks = [path for path, text in texts.items() if path.suffix == ".ipynb" or _marked(text)]
    made = [path for path, text in texts.items() if path.suffix == ".py" and _defines_dags(text)]
    folders = _folders([path for path in made if "tests" not in path.parts and path not in notebooks])
    chosen = dags or (folders[0] if folders else None)
    if chosen is None or not (root / chosen).is_dir():
        raise NoDags(f"there is no DAG file below {root / (dags or Path())}: name the folder with --dags")
    found = {name for each in (_BUCKET, _BUCKET_ARGUMENT) for text in texts.values() for name in each.findall(text)}
    return Repository(
        root=root,
        dags=chosen,
        others=tuple(folder for folder in folders if folder != chosen),
        notebooks=tuple(notebooks),
        bundles=tuple(path for path in _files(root, *_BUNDLES) if path.name in _BUNDLES),
        buckets=tuple(sorted(found)),
        forge=_forge(root),
    )


def _files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Relative paths of the repository's own files, the shallowest first in each folder."""
    for at, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in FOREIGN and not name.startswith("."))
        yield from (Path(at, name).relative_to(root) for name in sorted(files) if name.endswith(suffixes))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _marked(text: str) -> bool:
    return text.partition("\n")[0].rstrip() in SOURCE_MARKS


def _defines_dags(text: str) -> bool:
    return "airflow" in text and _DAG.search(text) is not None


def _folders(files: list[Path]) -> list[Path]:
    """The folders of DAG files, fullest first: what is named ``dags`` with all below it, else where the files are."""
    held: dict[Path, int] = {}
    for file in files:
        named = next((Path(*file.parts[: at + 1]) for at, part in enumerate(file.parts[:-1]) if part == "dags"), None)
        folder = named or file.parent
        held[folder] = held.get(folder, 0) + 1
    return sorted(held, key=lambda folder: (folder.name != "dags", -held[folder], folder))


def _forge(root: Path) -> str:
    """``github``, ``gitlab`` or nothing: by what is configured, else by the remote."""
    if (root / ".gitlab-ci.yml").exists():
        return "gitlab"
    if (root / ".github").is_dir():
        return "github"
    config = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        config.read_string(re.sub(r"^[ \t]+", "", _text(root / ".git" / "config"), flags=re.M))
    except configparser.Error:
        return ""
    urls = " ".join(config.get(section, "url", fallback="") for section in config.sections())
    return next((name for name in ("github", "gitlab") if name in urls), "")
