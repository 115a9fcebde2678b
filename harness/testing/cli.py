"""``harness snapshot save | load | seed``: the state of the stack that is up, as files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.dagrun.connections import Endpoints
from harness.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keep the state of the stack that is up, bring it back, or fill it from files.",
)
Folder = Annotated[Path, typer.Argument(help="A folder.")]


@contextlib.contextmanager
def _stack() -> Iterator[Endpoints]:
    from harness.control import StackFailed
    from harness.serve import NotRunning, running
    from harness.testing.seeding import BadSeed
    from harness.testing.snapshots import SnapshotFailed

    try:
        yield running(Settings()).endpoints
    except (BadSeed, NotRunning, SnapshotFailed, StackFailed) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def save(folder: Folder) -> None:
    """Write tables, volumes, files, jobs, runs, secrets and objects into a new folder."""
    with _stack() as endpoints:
        from harness.testing.snapshots import save

        save(endpoints, folder)
    typer.echo(f"saved in {folder}; it holds the workspace's secrets")


@app.command()
def load(folder: Folder) -> None:
    """Replace all that the stack holds by a snapshot."""
    with _stack() as endpoints:
        from harness.testing.snapshots import load

        load(endpoints, folder)
    typer.echo(f"loaded {folder}")


@app.command()
def seed(folder: Folder) -> None:
    """Add a folder's tables/, objects/, volumes/ and notebooks/ to what the stack holds."""
    with _stack() as endpoints:
        from harness.stack import USER
        from harness.testing import seeding
        from harness.testing.clients import s3_of, sql_of, workspace_of
        from harness.testing.factories import Factory

        with contextlib.ExitStack() as opened:
            execute: list[Any] = []

            def sql() -> Any:
                if not execute:
                    execute.append(opened.enter_context(sql_of(endpoints)))
                return execute[0]

            factory = Factory(lambda: workspace_of(endpoints), lambda: s3_of(endpoints), sql, USER)
            for name in seeding.seed(factory, folder):
                typer.echo(name)
