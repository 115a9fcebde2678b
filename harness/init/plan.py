"""What ``harness init`` would change, file by file: nothing that is there is lost, a second time changes nothing."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.dagrun.connections import is_placeholder
from harness.init import texts
from harness.init.look import Repository
from harness.init.needs import Needs
from harness.init.toml import NotMerged, merged

FOLDER = Path("tests") / "pipelines"
IGNORED = ".harness/"
TABLE: tuple[str, ...] = ("tool", "harness")
NO_TABLE: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """A file, relative to the repository, as it is and as it shall be."""

    path: Path
    before: str | None
    after: str

    def diff(self) -> str:
        """As a unified diff."""
        old = "/dev/null" if self.before is None else f"a/{self.path.as_posix()}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.after.splitlines(), old, f"b/{self.path.as_posix()}", lineterm=""
        )
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """``changes``; ``fill``: what the user has to give a value, as ``table.name``; ``by_hand``: what to do besides."""

    changes: tuple[Change, ...]
    fill: tuple[str, ...]
    by_hand: tuple[str, ...]

    def apply(self, root: Path) -> None:
        """Write the files."""
        for change in self.changes:
            file = root / change.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(change.after, encoding="utf-8")


def plan(repository: Repository, needs: Needs, runs: Sequence[str], forge: str, jobs: Sequence[str] = ()) -> Plan:
    """What to change.

    Parameters: ``runs``: ids of DAGs that the first tests run; ``forge``: github, gitlab or none; ``jobs``: keys of
    bundles' jobs that they run.
    """
    root = repository.root
    by_hand: list[str] = []
    config, header = Path("pyproject.toml"), TABLE
    if not (root / config).is_file():
        config, header = Path("harness.toml"), NO_TABLE
    changes = [_config(root / config, config, header, _settings(repository, needs), by_hand)]
    # A folder of our own: a suite that is there has its own conftest, rules and habits.
    chosen = [(dag, dag in needs.producers) for dag in runs]
    tests = texts.tests(needs.dags, chosen, repository.buckets, needs.bundles, jobs)
    changes.append(_new(root, FOLDER / "test_dags.py", tests))
    install = texts.install(root)
    if forge == "github":
        changes.append(_new(root, Path(".github/workflows/pipelines.yml"), texts.github(install, FOLDER)))
    if forge == "gitlab":
        own = Path(".gitlab/pipelines.yml")
        taken = (root / ".gitlab-ci.yml").is_file()
        changes.append(_new(root, own if taken else Path(".gitlab-ci.yml"), texts.gitlab(install, FOLDER)))
        if taken and own.as_posix() not in (root / ".gitlab-ci.yml").read_text(encoding="utf-8"):
            by_hand.append(f"add to .gitlab-ci.yml:\n    include:\n      - local: {own.as_posix()}")
    changes.append(_ignored(root))
    made = tuple(change for change in changes if change is not None)
    return Plan(made, tuple(_left(root, config, header, made)), tuple(by_hand))


def _settings(repository: Repository, needs: Needs) -> dict[str, Any]:
    return {
        "dags": repository.dags.as_posix(),
        "mounts": needs.mounts,
        "connections": needs.connections,
        "variables": needs.variables,
        "secrets": needs.secrets,
    }


def _config(
    file: Path, shown: Path, header: tuple[str, ...], wanted: dict[str, Any], by_hand: list[str]
) -> Change | None:
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    try:
        after = merged(before or "", header, wanted)
    except NotMerged as error:
        by_hand.append(f"add to {shown}:\n{error}")
        return None
    return Change(shown, before, after) if after != (before or "") else None


def _new(root: Path, path: Path, text: str) -> Change | None:
    return None if (root / path).exists() else Change(path, None, text)


def _ignored(root: Path) -> Change | None:
    file = root / ".gitignore"
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    lines = (before or "").splitlines()
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in lines):
        return None
    return Change(Path(".gitignore"), before, "\n".join([*lines, IGNORED]) + "\n")


def _left(root: Path, config: Path, header: tuple[str, ...], made: Sequence[Change]) -> list[str]:
    """What has a placeholder in the configuration as it will be."""
    text = next((change.after for change in made if change.path == config), None)
    if text is None:
        text = (root / config).read_text(encoding="utf-8") if (root / config).is_file() else ""
    table: Any = tomllib.loads(text)
    for name in header:
        table = table.get(name, {})
    tables = ("variables", "connections", "secrets")
    return [f"{name}.{key}" for name in tables for key, value in table.get(name, {}).items() if is_placeholder(value)]
