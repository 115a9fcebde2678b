"""The terminal: what commands write to, the settings they read, and errors that explain themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console

from harness.disk import disk_is_full
from harness.settings import Settings

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Errors that explain themselves are shown as they are, without our stack."""
    from harness.control import StackFailed
    from harness.dagrun.assets import AssetLoop
    from harness.dagrun.home import HomeFailed
    from harness.dagrun.pools import PoolMissing
    from harness.dagrun.registry import DagImportFailed, DagNotFound
    from harness.dagrun.schedule import UnrunnableTasks
    from harness.lake.jars import JarsUnavailable
    from harness.lake.java import JavaNotFound
    from harness.notebooks import NotRunnable
    from harness.serve import AlreadyRunning, NotRunning

    try:
        yield
    except (
        AlreadyRunning,
        AssetLoop,
        DagImportFailed,
        DagNotFound,
        HomeFailed,
        JarsUnavailable,
        JavaNotFound,
        NotRunnable,
        NotRunning,
        PoolMissing,
        StackFailed,
        UnrunnableTasks,
    ) as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except Exception as error:
        if not disk_is_full(error):
            raise
        message = f"The disk is full ({error}). `harness doctor` shows where we write and how much room there is."
        err.print(message, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def settings_of(**given: Any) -> Settings:
    """The settings, those given on the command line before all others."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except (SettingsError, ValidationError) as error:
        err.print(f"A setting is wrong. {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None


def fetch_missing(settings: Settings) -> bool:
    """Fetch what is missing, with a bar. Returns whether there was anything to fetch."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from harness.lake.jars import Jars
    from harness.lake.java import find_java

    jars = Jars(settings.cache, settings.mirror)
    missing = jars.missing()
    if not missing:
        return False
    java = find_java(settings.java_home)
    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("", total=sum(jar.size for jar in missing))
        jars.ensure(java, lambda name, done, total: bar.update(task, description=name, completed=done, total=total))
    return True
