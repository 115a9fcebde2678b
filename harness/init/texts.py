"""The files that ``harness init`` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PACKAGE = "airflow-databricks-harness[dags,workspace,validate,test]"


def tests(
    dags: Iterable[str],
    runs: Sequence[tuple[str, bool]],
    buckets: Sequence[str],
    bundles: Sequence[tuple[str, str, Sequence[str]]],
    jobs: Sequence[str],
) -> str:
    """The tests.

    Parameters: ``runs``: DAGs that are run, and whether those that their assets start run too; ``bundles``: path,
    target and jobs of each; ``jobs``: of these, the ones that are run.
    """
    text = '''"""First tests of the DAGs, written by `harness init`; from now on they are yours.

Every fixture: docs/fixtures.md of the harness; how tests are written: its docs/testing.md.
"""

from __future__ import annotations

import pytest

DAGS = [
'''
    text += "".join(f"    {_quoted(dag)},\n" for dag in sorted(dags))
    text += """]


@pytest.mark.parametrize("dag_id", DAGS)
def test_the_dag_imports(dag_id, airflow_home, connected):
    assert airflow_home.registry.find(dag_id).tasks
"""
    given = ", make_bucket" if buckets else ""
    for dag, follows in runs:
        run = "run_assets" if follows else "run_dag"
        text += f"\n\ndef test_{_identifier(dag)}_runs({run}{given}):\n"
        text += "".join(f"    make_bucket({_quoted(bucket)})\n" for bucket in buckets)
        text += f'    {run}({_quoted(dag)}, expect="success")\n'
    for place, target, keys in bundles:
        name = _identifier(place.rpartition("/")[0])
        text += f"\n\ndef test_the_jobs_of_the_bundle{'' if name == 'dag' else '_' + name}_are_accepted(make_bundle):\n"
        text += f"    jobs = make_bundle({_quoted(place)}, target={_quoted(target)})\n"
        text += f"    assert sorted(jobs) == [{', '.join(map(_quoted, sorted(keys)))}]\n"
        for key in (each for each in keys if each in jobs):
            text += f"\n\ndef test_the_job_{_identifier(key)}_runs(make_bundle, workspace{given}):\n"
            text += "".join(f"    make_bucket({_quoted(bucket)})\n" for bucket in buckets)
            text += f"    jobs = make_bundle({_quoted(place)}, target={_quoted(target)})\n"
            text += f"    run = workspace.jobs.run_now(jobs[{_quoted(key)}]).result()  # raises when it fails\n"
            text += '    assert run.state.result_state.value == "SUCCESS"\n'
    return text


def github(install: Sequence[str], folder: Path) -> str:
    """A workflow of GitHub Actions."""
    steps = "".join(f"      - run: {line}\n" for line in [*install, *_commands(folder, "github")])
    return f"""name: pipelines
on: [push, pull_request]
jobs:
  pipelines:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env: {{ HARNESS_MEMORY: 1g, HARNESS_CACHE: '${{{{ github.workspace }}}}/.cache/harness' }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{ python-version: "3.12" }}
      - uses: actions/cache@v4
        with:
          path: .cache/harness
          key: harness-${{{{ runner.os }}}}-${{{{ hashFiles('pyproject.toml', 'requirements*.txt') }}}}
          restore-keys: harness-${{{{ runner.os }}}}-
{steps}      - uses: actions/upload-artifact@v4
        if: failure()
        with: {{ name: pipelines, path: "report.xml\\n.harness/failures" }}
"""


def gitlab(install: Sequence[str], folder: Path) -> str:
    """A job of GitLab, to be the pipeline or a part of it."""
    script = "".join(f"    - {line}\n" for line in [*install, *_commands(folder, "text")])
    return f"""pipelines:
  image: python:3.12-slim-bookworm
  variables:
    HARNESS_MEMORY: 1g
    HARNESS_CACHE: $CI_PROJECT_DIR/.cache/harness
  cache:
    key: harness
    paths: [.cache/harness]
  script:
{script}  artifacts:
    when: always
    reports: {{ junit: report.xml }}
    paths: [report.xml, .harness/failures]
"""


def install(root: Path) -> list[str]:
    """How a CI machine gets what the DAGs need, and the harness."""
    lines = [f"pip install -r {name}" for name in ("requirements.txt",) if (root / name).is_file()]
    return [*lines, f"pip install '{PACKAGE}'"]


def _commands(folder: Path, format: str) -> list[str]:
    return [
        "harness fetch",
        f"harness validate --format {format}",
        f"pytest {folder.as_posix()} --junitxml=report.xml",
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower() or "dag"
