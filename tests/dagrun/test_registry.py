"""DAGs are found, and when not, it is said why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dagrun import AirflowHome, DagRunResult
from harness.dagrun.registry import DagImportFailed, DagNotFound

Run = Callable[..., DagRunResult]
ONE = """
import datetime
from airflow.sdk import DAG, task
{first}
with DAG("{name}", start_date=datetime.datetime(2024, 1, 1)):
    @task
    def work():
        {body}
    work()
"""


def write(path: Path, name: str, first: str = "", body: str = "return None") -> Path:
    path.write_text(ONE.format(name=name, first=first, body=body))
    return path


def test_a_misspelt_id_gets_near_names(run: Run) -> None:
    with pytest.raises(DagNotFound, match="Did you mean 'fixed_order'"):
        run("fixed_ordr")


def test_a_file_runs_wherever_it_is_and_imports_its_neighbours(run: Run, tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_the_dag.py").write_text("WORD = 'from next door'\n")
    path = write(tmp_path / "mine.py", "mine", "import neighbour_of_the_dag", "return neighbour_of_the_dag.WORD")
    assert run(path).task("work").xcom == "from next door"


def test_a_file_of_the_dag_folder_is_found_by_its_name(run: Run) -> None:
    with pytest.raises(DagNotFound, match=r"defines 16 DAGs \(asks_a_human, .*: name one"):
        run("verdicts.py")
    assert run("alone.py").task("one").xcom == 1


def test_an_import_error_is_raised_with_its_file_and_traceback(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "broken.py", "broken", "import no_such_package")
    with pytest.raises(DagImportFailed) as caught:
        run(path)
    assert str(path) in str(caught.value)
    assert "ModuleNotFoundError: No module named 'no_such_package'" in str(caught.value)
    assert "line 4" in str(caught.value)


def test_a_broken_neighbour_hinders_only_what_may_need_it(home: AirflowHome, tmp_path: Path) -> None:
    from harness.dagrun import run_dag

    dags = tmp_path / "dags"
    dags.mkdir()
    write(dags / "sound.py", "sound")
    write(dags / "broken.py", "broken", "1 / 0")
    with AirflowHome(home.directory, dags, tmp_path) as other:
        assert run_dag("sound", home=other).success
        with pytest.raises(DagImportFailed, match="ZeroDivisionError"):
            run_dag("sound", home=other, follow_assets=True)
        with pytest.raises(DagNotFound, match="ZeroDivisionError"):
            run_dag("broken", home=other)


def test_a_function_that_makes_a_dag_is_not_taken_for_one(run: Run) -> None:
    from airflow.sdk import dag

    @dag
    def uncalled() -> None: ...

    with pytest.raises(DagNotFound, match="call it"):
        run(uncalled)


def test_nothing_is_left_of_a_guest_in_a_clean_home(home: AirflowHome, run: Run, tmp_path: Path) -> None:
    assert run(write(tmp_path / "guest.py", "guest")).success
    assert "guest" in home.registry.dags
    home.clean()
    with pytest.raises(DagNotFound):
        run("guest")
