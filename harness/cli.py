"""The command line: ``harness demo | run | notebook | up | down | env | status | fetch | doctor | …``.

Exit codes: 0 all is green; 1 a run failed, the machine lacks something, or there are findings; 2 the command was wrong;
130 interrupted.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.init.command import init
from harness.notebookcli import DebugOption, PortOption
from harness.notebookcli import app as notebook_app
from harness.settings import Settings
from harness.terminal import err, explained, fetch_missing, out, settings_of
from harness.testing.cli import app as snapshot_app

DEMO_DAG = "green_energy_extract"
S3Option = Annotated[
    str | None, typer.Option(help="S3 server: moto, minio, minio-binary, seaweedfs, command, or a URL (setting `s3`).")
]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Run Airflow + Databricks + S3 pipelines on this machine, unchanged.",
)
app.add_typer(notebook_app, name="notebook", help="Work with one notebook by itself.")
app.add_typer(snapshot_app, name="snapshot")
app.command()(init)


@app.command()
def demo(s3: S3Option = None) -> None:
    """Run this repository's pipeline from end to end, twice, and show what it left behind."""
    settings = settings_of(s3=s3)
    with explained():
        from harness.session import Session

        fetch_missing(settings)
        # Kept after the demo, for a look at the tables and the executed notebooks; wiped by the next one.
        directory = settings.path(settings.state) / "demo"
        shutil.rmtree(directory, ignore_errors=True)
        with Session.ephemeral(settings, out, directory) as session:
            green = session.run(DEMO_DAG, follow_assets=True).success
            session.summary()
            if green:
                out.print("\nOnce more: every file is loaded already, so no row is added.\n")
                green = session.run(DEMO_DAG, follow_assets=True).success
                session.summary()
            session.notebooks()
    raise typer.Exit(0 if green else 1)


@app.command()
def run(
    dag: Annotated[str, typer.Argument(help="A DAG's id, or the path of a DAG file.")],
    logical_date: Annotated[str | None, typer.Option(help="Logical date, as 2026-01-31 or with a time.")] = None,
    conf: Annotated[str | None, typer.Option(help="Configuration of the run, as JSON.")] = None,
    partition_key: Annotated[str | None, typer.Option(help="Of a partitioned DAG; its schedule's by default.")] = None,
    follow_assets: Annotated[bool, typer.Option(help="Also run the DAGs that the run's asset events start.")] = True,
    openlineage: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append the run's lineage to a file (setting `openlineage`).")
    ] = None,
    debug: DebugOption = False,
    debugpy: PortOption = None,
) -> None:
    """Run a DAG on the stack that is up, or on one of its own."""
    settings = settings_of()
    configuration = _json(conf)
    with explained():
        from harness.ide import require
        from harness.serve import NotRunning, running
        from harness.session import Session
        from harness.testing.openlineage import emit

        if debugpy:
            require(settings)
        try:
            session = Session.attached(settings, out, running(settings))
        except NotRunning:
            fetch_missing(settings)
            session = Session.ephemeral(settings, out)
        with session as on:
            day, key = logical_date, partition_key
            options: dict[str, Any] = {"logical_date": day, "conf": configuration, "debug": debug, "port": debugpy or 0}
            result = on.run(dag, follow_assets=follow_assets, partition_key=key, **options)
            if file := openlineage or (settings.openlineage and settings.path(settings.openlineage)):
                emit(file, result, on.endpoints)
            on.summary()
    raise typer.Exit(0 if result.success else 1)


@app.command()
def up(
    foreground: Annotated[bool, typer.Option(help="Stay in this terminal until Ctrl-C.")] = False,
    s3: S3Option = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on beyond this machine, such as 0.0.0.0 (setting `host`).")
    ] = None,
    debugpy: PortOption = None,
) -> None:
    """Start a workspace and an S3 server that stay, with their state kept in the project."""
    settings = settings_of(s3=s3, host=host, debugpy=debugpy)
    with explained():
        from harness.serve import serve, start

        fetch_missing(settings)
        if foreground:
            serve(settings)
            return
        endpoints = start(settings).endpoints
    secure = f" and {endpoints.workspace_tls_url}" if endpoints.workspace_tls_url else ""
    out.print(f"workspace  {endpoints.workspace_url}{secure}\nS3         {endpoints.s3_url}")
    out.print('Point a client at them: eval "$(harness env)"', markup=False)


@app.command()
def down() -> None:
    """Stop what `up` started."""
    settings = settings_of()
    with explained():
        from harness.serve import stop

        stop(settings)
    out.print("stopped")


@app.command()
def env(
    tls: Annotated[bool, typer.Option("--tls", help="Reach the workspace over HTTPS (setting `tls`).")] = False,
) -> None:
    """Print shell lines that point Airflow, boto3, the Databricks SDK and CLI at the stack that is up."""
    settings = settings_of()
    with explained():
        from harness.control import StackFailed
        from harness.dagrun.connections import declared, environment
        from harness.netguard import environment as guarded
        from harness.serve import running
        from harness.stack import Stack

        endpoints = running(settings).endpoints
        if tls and not endpoints.workspace_tls_url:
            raise StackFailed("the stack that is up serves no HTTPS: start it with HARNESS_TLS=true")
        # The stack may be up in another container, under a name.
        given = guarded([*Stack(settings).network, *endpoints.hosts], os.environ.get("PYTHONPATH", ""))
        known = environment(endpoints, tls=tls)
        more = declared(settings.connections, settings.variables, known)
        for name, value in {**given, **known, **more}.items():
            print(f"export {name}={shlex.quote(value)}")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the stack that is up: where it answers, Spark's state, what has run."""
    settings = settings_of()
    with explained():
        from harness.control import control
        from harness.serve import running

        found = running(settings)
        answer = control(found.endpoints, "GET", "status")
    document = {
        "pid": found.pid,
        "workspace": found.endpoints.workspace_url,
        **({"https": found.endpoints.workspace_tls_url} if found.endpoints.workspace_tls_url else {}),
        "s3": found.endpoints.s3_url,
        **answer,
    }
    if as_json:
        print(json.dumps(document, indent=2))
        return
    for name, value in document.items():
        out.print(
            f"{name:12} {value if not isinstance(value, dict) else json.dumps(value)}", markup=False, soft_wrap=True
        )


@app.command()
def fetch() -> None:
    """Fetch the jars that Spark needs, once; afterwards everything works offline."""
    settings = settings_of()
    with explained():
        if not fetch_missing(settings):
            out.print("nothing to fetch: every jar is there", markup=False)


@app.command()
def doctor() -> None:
    """Check what this machine has and lacks, and say how to mend it."""
    from harness.doctor import examine

    findings = list(examine(settings_of()))
    for finding in findings:
        # Whole lines, however narrow the terminal: paths are there to be copied.
        out.print(f"{'ok' if finding.good else 'NO'}  {finding.name}: {finding.seen}", markup=False, soft_wrap=True)
        if not finding.good:
            out.print(f"    to mend it: {finding.mend}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


@app.command()
def capabilities(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show which operations of Databricks' API the workspace serves, and which it does not."""
    from harness.capabilities import listed, overview

    rows = listed()
    if as_json:
        print(json.dumps([row.document() for row in rows], indent=2))
        return
    for line in overview(rows):
        out.print(line, markup=False, soft_wrap=True)


@app.command()
def validate(
    format: Annotated[str, typer.Option(help="text, json, sarif or github.")] = "text",
    since: Annotated[
        str | None, typer.Option(metavar="REV", help="List what the changes since a Git revision touch, too.")
    ] = None,
    spark: Annotated[
        bool, typer.Option("--spark", help="Let Spark parse the SQL, too, on the stack that is up.")
    ] = False,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Make today's findings the known ones, in the baseline file.")
    ] = False,
) -> None:
    """Find what is wrong with the project's DAGs, notebooks and SQL, in seconds, without running anything."""
    settings = settings_of()
    from harness.validate import command
    from harness.validate.config import ConfigInvalid
    from harness.validate.spark import SparkUnreachable

    with explained():
        try:
            endpoints = _endpoints(settings) if spark else None
            findings = command.validate(
                settings, format, since=since, write_baseline=write_baseline, endpoints=endpoints
            )
        except (ConfigInvalid, SparkUnreachable) as error:
            err.print(str(error), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(2) from None
    raise typer.Exit(1 if findings else 0)


def _endpoints(settings: Settings) -> Any:
    """Where the stack that is up answers. Raises: ``SparkUnreachable``."""
    from harness.serve import NotRunning, running
    from harness.validate.spark import SparkUnreachable

    try:
        return running(settings).endpoints
    except NotRunning as error:
        raise SparkUnreachable(str(error)) from None


def _json(text: str | None) -> dict[str, Any] | None:
    try:
        value = None if text is None else json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--conf is not JSON: {error}") from None
    if text is None or isinstance(value, dict):
        return value
    raise typer.BadParameter("--conf must be a JSON object")


if __name__ == "__main__":
    app()
