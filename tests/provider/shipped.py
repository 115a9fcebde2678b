"""The example DAGs that Airflow's Databricks provider ships: in its source distribution, not in the installed wheel.

They are read, at the installed version, from the package registry by pip, once, and kept in the harness's cache; none
of them is kept in this repository. Run as they are, they import two functions of Airflow's own test tools, which no
package has.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from harness.settings import user_cache

PACKAGE = "apache-airflow-providers-databricks"
SECONDS = 300


def examples() -> Path:
    """The folder of the installed provider's example DAGs; without a registry the test is skipped, except in CI."""
    version = metadata.version(PACKAGE)
    folder = user_cache() / "examples" / f"{PACKAGE}-{version}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as part:
            _unpack(_download(version, Path(part)), Path(part) / "made")
            if not folder.is_dir():
                (Path(part) / "made").rename(folder)
    return folder


def _download(version: str, folder: Path) -> Path:
    wanted = ("--no-deps", f"--no-binary={PACKAGE}", f"--dest={folder}", f"{PACKAGE}=={version}")
    command = ["uv", "tool", "run", "--quiet", "pip", "download", "--quiet", *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
        said = done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    found = list(folder.glob("*.tar.gz"))
    if found:
        return found[0]
    reason = f"the source distribution of {PACKAGE} {version} cannot be had: {said}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(archive) as files:
        for member in files:
            name = Path(member.name).name
            if member.isfile() and "/tests/system/" in member.name and name.startswith("example_"):
                content = files.extractfile(member)
                assert content is not None
                (folder / name).write_bytes(content.read())


def airflow_test_tools() -> dict[str, ModuleType]:
    """``tests_common``, as far as the examples import it: by module name."""
    from airflow.sdk import TriggerRule, task

    @task(trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    def watcher() -> None:
        """Fails the DAG run when one of its tasks failed, whatever ends the DAG."""
        raise RuntimeError("a task of this DAG failed")

    names = ("tests_common", "tests_common.test_utils", "tests_common.test_utils.watcher")
    modules = {name: ModuleType(name) for name in (*names, "tests_common.test_utils.system_tests")}
    modules["tests_common.test_utils.watcher"].watcher = watcher  # type: ignore[attr-defined]
    # What Airflow's own suite calls to run the example with pytest.
    modules["tests_common.test_utils.system_tests"].get_test_run = lambda dag: None  # type: ignore[attr-defined]
    return modules
