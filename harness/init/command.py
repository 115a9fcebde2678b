"""``harness init`` on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.terminal import err, explained, out, settings_of

FORGES = ("auto", "github", "gitlab", "none")


def init(
    dags: Annotated[Path | None, typer.Option(help="Folder of the DAG files; by default it is looked for.")] = None,
    dag: Annotated[list[str] | None, typer.Option(help="A DAG that the first tests run; may be repeated.")] = None,
    job: Annotated[
        list[str] | None, typer.Option(help="Key of a bundle's job that the first tests run; may be repeated.")
    ] = None,
    ci: Annotated[str, typer.Option(help="Workflow to write: github, gitlab or none; auto: as the repository is.")] = (
        "auto"
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, as a diff.")] = False,
) -> None:
    """Add the harness to this repository: settings, first tests, a CI workflow. Its DAGs stay as they are."""
    from harness.init.look import NoDags, look
    from harness.init.needs import needs
    from harness.init.plan import plan
    from harness.validate.config import ConfigInvalid

    if ci not in FORGES:
        raise typer.BadParameter(f"--ci must be one of {', '.join(FORGES)}")
    with explained():
        try:
            settings = settings_of()
            told = dags or (settings.dags if "dags" in settings.model_fields_set else None)
            repository = look(settings.project, told)
            found = needs(repository, settings.model_copy(update={"dags": repository.dags}))
        except (ConfigInvalid, NoDags) as error:
            err.print(str(error), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(2) from None
        if unknown := sorted(set(dag or ()) - set(found.dags)):
            raise typer.BadParameter(f"there is no DAG {unknown[0]!r}; there are {', '.join(found.dags)}")
        keys = [key for _, _, jobs in found.bundles for key in jobs]
        if absent := sorted(set(job or ()) - set(keys)):
            raise typer.BadParameter(
                f"there is no job {absent[0]!r} in a bundle; there are {', '.join(keys) or 'none'}"
            )
        first = found.first()
        runs = dag or ([first] if first is not None else [])
        planned = plan(repository, found, runs, repository.forge if ci == "auto" else ci, job or ())
        if dry_run:
            for change in planned.changes:
                print(change.diff())
            return
        planned.apply(repository.root)
    _tell(repository, found, planned, runs)


def _tell(repository: Any, found: Any, planned: Any, runs: list[str]) -> None:
    def say(text: str) -> None:
        out.print(text, markup=False, soft_wrap=True)

    say(f"{len(found.dags)} DAGs in {repository.dags}, {len(repository.notebooks)} notebooks")
    for path, target, jobs in found.bundles:
        say(f"bundle {path}: {', '.join(jobs)} of target {target}, made by make_bundle")
    for path, why in found.unread.items():
        say(f"bundle {path}: its jobs are not made: {why}")
    for change in planned.changes:
        say(f"{'wrote' if change.before is None else 'added to'} {change.path}")
    if not planned.changes:
        say("nothing to add: it is all there")
    for folder in repository.others:
        say(f"there are DAG files in {folder} too: `harness init --dags {folder}` in a project of its own")
    for file, error in found.broken.items():
        say(f"does not import: {file}: {error.strip().splitlines()[-1]}")
    for path in found.missing:
        say(f"no notebook here for {path}: give its folder in `mounts`")
    for step in planned.by_hand:
        say(step)
    say("\nNext:")
    for name in planned.fill:
        say(f"  fill in {name}: what reads it fails until then")
    say("  harness doctor    what this machine lacks\n  harness validate  what is wrong with the project")
    say(f"  pytest tests/pipelines    {'runs ' + ', '.join(runs) if runs else 'no DAG to run yet'}")
