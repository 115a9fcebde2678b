"""The generated parts of the documentation; `tox -e docs` writes them, the suite fails when they are stale."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from typer.testing import CliRunner

from harness import cli, plugin
from harness.settings import Settings

COMMANDS = ("demo", "run", "up", "down", "env", "status", "fetch", "doctor")
FIXTURES = (
    "run_dag",
    "run_assets",
    "lake",
    "s3",
    "workspace",
    "sql",
    "stack",
    "clean_stack",
    "airflow_home",
    "harness_settings",
)


def settings() -> Iterator[str]:
    """One row a setting."""
    yield "| setting | environment | default | what it is |"
    yield "|---|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "*found*" if field.default_factory else f"`{field.default}`" if field.default is not None else ""
        if name == "mounts":
            default = "`notebooks` at `/Workspace/Shared`"
        yield f"| `{name}` | `HARNESS_{name.upper()}` | {default} | {field.description} |"


def commands() -> Iterator[str]:
    """The help of every command, as a terminal of 100 columns shows it."""
    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"})
    for arguments in ([], *([name] for name in COMMANDS)):
        text = runner.invoke(cli.app, [*arguments, "--help"], prog_name="harness").output
        yield f"## harness {' '.join(arguments)}".rstrip()
        yield ""
        yield "```text"
        yield from (line.rstrip() for line in text.strip().splitlines())
        yield "```"
        yield ""


def fixtures() -> Iterator[str]:
    """One row a fixture: its name, its scope, its contract."""
    yield "| fixture | scope | what it is |"
    yield "|---|---|---|"
    for name in FIXTURES:
        definition = getattr(plugin, name)
        contract = (inspect.getdoc(definition) or "").splitlines()[0].replace("``", "`")
        yield f"| `{name}` | {definition._fixture_function_marker.scope} | {contract} |"
