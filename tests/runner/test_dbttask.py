"""What ends a dbt task's commands. What they do is proved with dbt itself, in tests/dbt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

# Stands where dbt is installed: a command that hangs, as on a warehouse that does not answer.
HANGING = "import os, time\ndef cli():\n    print('pid', os.getpid(), flush=True)\n    time.sleep(3600)\n"
OWNER = """
import os, sys
from pathlib import Path
from harness.runner.dbttask import DbtCommands, Target

here = Path(sys.argv[1])
target = Target("http://127.0.0.1:1", "token", "local", "main", "default")
commands = DbtCommands(["dbt run"], Path(sys.executable), here / "project", "", target, here / "attempt", os.environ)
commands.start()
commands.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to end a process with its parent")
def test_a_command_of_dbt_does_not_outlive_a_workspace_that_is_killed(tmp_path):
    package = tmp_path / "site" / "dbt" / "cli"
    package.mkdir(parents=True)
    (package / "main.py").write_text(HANGING)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dbt_project.yml").write_text("name: hanging\n")
    (tmp_path / "attempt").mkdir()
    path = os.pathsep.join([str(tmp_path / "site"), str(Path(__file__).parents[2])])
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], env={**os.environ, "PYTHONPATH": path})
    command = psutil.Process(_announced(owner, tmp_path / "attempt" / "log.txt"))
    owner.kill()
    owner.wait(20)
    assert psutil.wait_procs([command], 20)[1] == []


def _announced(owner: subprocess.Popen[bytes], log: Path) -> int:
    """The command's own word, in its log, that it runs."""
    with subprocess.Popen(
        ["tail", "-n", "+1", "-F", str(log)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as tail:
        assert tail.stdout is not None
        try:
            for line in tail.stdout:
                if line.startswith(b"pid "):
                    return int(line.split()[1])
                assert owner.poll() is None
        finally:
            tail.kill()
    raise AssertionError("it said nothing")
