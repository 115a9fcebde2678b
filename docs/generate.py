"""The generated parts of the documentation; `tox -e docs` writes them, the suite fails when they are stale."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from typer.testing import CliRunner

from harness import cli, plugin
from harness.capabilities import counts, listed
from harness.lake.buckets.features import FEATURES, SERVERS
from harness.settings import Settings
from harness.validate.config import Config
from harness.validate.run import RULES
from harness.workspace.capabilities import Capability
from tests.sql.entries import families

COMMANDS = (
    "demo", "run", "notebook run", "up", "down", "env", "status", "fetch", "doctor", "capabilities", "validate",
    "snapshot",
)  # fmt: skip
FIXTURES = (
    "run_dag",
    "run_assets",
    "lake",
    "s3",
    "workspace",
    "sql",
    "faults",
    "make_bucket",
    "make_object",
    "make_catalog",
    "make_schema",
    "make_table",
    "make_volume",
    "make_notebook",
    "make_secret",
    "make_job",
    "make_warehouse",
    "ai_answer",
    "assert_table",
    "assert_schema",
    "golden",
    "seed",
    "snapshot",
    "stack",
    "clean_stack",
    "airflow_home",
    "harness_settings",
)

WITNESSES = Path(__file__).parent / "witnesses.json"
CLIENTS = {
    "provider": "Airflow's provider",
    "sdk": "databricks-sdk",
    "connector": "the SQL connector",
    "http": "HTTP",
}
# What is served and has no witness, each with the reason.
UNPROVED: dict[str, str] = {}


def settings() -> Iterator[str]:
    """One row a setting."""
    yield "| setting | environment | default | what it is |"
    yield "|---|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "*found*" if field.default_factory else f"`{field.default}`" if field.default is not None else ""
        if name == "mounts":
            default = "`notebooks` at `/Workspace/Shared`"
        yield f"| `{name}` | `HARNESS_{name.upper()}` | {default} | {field.description} |"


def s3_servers() -> Iterator[str]:
    """One row a feature of an S3 server, one column a server."""
    yield f"| what it does | {' | '.join(SERVERS)} |"
    yield "|---|---|---|---|"
    for feature in FEATURES:
        does = ("yes" if server in feature.servers else "no" for server in SERVERS)
        yield f"| {feature.what[0].upper()}{feature.what[1:]} | {' | '.join(does)} |"


def validation() -> Iterator[str]:
    """One row a field of ``[tool.harness.validate]``."""
    yield "| field | default | what it is |"
    yield "|---|---|---|"
    for name, field in Config.model_fields.items():
        default = f"`{field.default}`" if field.default is not None else ""
        yield f"| `{name.replace('_', '-')}` | {default} | {field.description} |"


def rules() -> Iterator[str]:
    """One row a rule of ``harness validate``."""
    yield "| rule | what is wrong |"
    yield "|---|---|"
    for rule in sorted(RULES, key=lambda rule: rule.name):
        yield f"| `{rule.name}` | {rule.summary} |"


def commands() -> Iterator[str]:
    """The help of every command, as a terminal of 100 columns shows it."""
    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"})
    for arguments in ([], *(name.split() for name in COMMANDS)):
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


def provider() -> Iterator[str]:
    """Every request of the provider's hook, and who proves that it is served."""
    yield "| request | the provider's name | |"
    yield "|---|---|---|"
    for row in listed():
        if row.provider:
            yield f"| `{row.key}` | {_names(row.provider)} | {_proof(row)} |"


def served() -> Iterator[str]:
    """Every served operation, by service, with its proof."""
    rows = [row for row in listed() if row.served]
    for service in counts(rows):
        yield f"### {service}"
        yield ""
        yield "| request | databricks-sdk | proved by |"
        yield "|---|---|---|"
        for row in rows:
            if row.service == service:
                yield f"| `{row.key}` | {_names(name.rpartition('.')[2] for name in row.sdk)} | {_proof(row)} |"
        yield ""


def services() -> Iterator[str]:
    """How much of each service of the SDK is served."""
    numbers = counts([row for row in listed() if row.sdk])
    yield "| service | served | absent |"
    yield "|---|---|---|"
    for service, (some, known) in numbers.items():
        if some:
            yield f"| `{service}` | {some} | {known - some} |"
    absent = {service: known for service, (some, known) in numbers.items() if not some}
    yield ""
    yield f"Nothing is served of {len(absent)} services with {sum(absent.values())} operations:"
    yield ", ".join(f"`{service}` ({known})" for service, known in absent.items()) + "."


def corpus() -> Iterator[str]:
    """How many statements of each family of the SQL corpus come out as documented."""
    yield "| family | as documented | otherwise | doors |"
    yield "|---|---|---|---|"
    sums = [0, 0]
    for family in families():
        other = sum(bool(entry.instead) for entry in family.judged)
        held = len(family.judged) - other
        sums = [sums[0] + held, sums[1] + other]
        file = f"[{family.title}](../tests/sql/corpus/{family.name}.sql)"
        yield f"| {file} | {held} | {other} | {', '.join(family.doors)} |"
    yield f"| all {sum(sums)} | {sums[0]} | {sums[1]} | |"


def differences() -> Iterator[str]:
    """The statements that come out otherwise, each with the reason."""
    for family in families():
        for entry in family.judged:
            if entry.instead:
                statement = " ".join(entry.sql.split())
                shown = statement if len(statement) <= 90 else f"{statement[:88]} …"
                yield f"- `{shown}` ({entry.page}): {entry.reason}"


def _proof(row: Capability) -> str:
    witness = json.loads(WITNESSES.read_text()).get(row.key)
    if not row.served:
        return "absent (501)"
    if witness is None:
        return UNPROVED.get(row.key, "")
    file, _, test = witness["test"].partition("::")
    return f"[{test.replace('_', ' ')}](../{file}), by {CLIENTS[witness['client']]}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def figures() -> Iterator[str]:
    """A table for each entry of ``benchmarks/results.json``: a row a figure, a column a statistic."""
    results = json.loads((Path(__file__).parents[1] / "benchmarks" / "results.json").read_text())
    for title, entry in results.items():
        keys = dict.fromkeys(key for value in entry.values() if isinstance(value, dict) for key in value)
        columns = list(keys) or ["value"]
        yield f"## {title[0].upper()}{title[1:]}\n"
        yield f"| | {' | '.join(columns)} |"
        yield "|---" * (len(columns) + 1) + "|"
        for name, value in entry.items():
            plain = [str(value or "none")]
            cells = [str(value.get(key, "")) for key in columns] if isinstance(value, dict) and value else plain
            cells += [""] * (len(columns) - len(cells))
            yield f"| {name} | {' | '.join(cells)} |"
        yield ""
