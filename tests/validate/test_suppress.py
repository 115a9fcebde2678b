"""What a project silences, and only that."""

from __future__ import annotations

import pytest

from harness.validate.config import ConfigInvalid
from harness.validate.suppress import write_baseline

BROKEN = """from airflow.sdk import DAG

with DAG("daily", schedule="0 5 * *"):
    pass
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "d.py").write_text(BROKEN)
    return tmp_path


def configure(project, table):
    (project / "pyproject.toml").write_text(f"[tool.harness.validate]\n{table}\n")


def rules(findings):
    return [finding.rule for finding in findings]


def test_a_comment_on_the_line_silences_the_rules_it_names(project, found):
    assert rules(found(project)) == ["dag-schedule"]
    file = project / "dags" / "d.py"
    file.write_text(BROKEN.replace('*"):', '*"):  # harness: ignore[dag-import]'))
    assert rules(found(project)) == ["dag-schedule"]
    file.write_text(BROKEN.replace('*"):', '*"):  # harness: ignore[dag-import, dag-schedule]'))
    assert found(project) == []


def test_a_comment_for_the_file_silences_it_everywhere_in_there(project, found):
    (project / "dags" / "d.py").write_text(BROKEN + "# harness: ignore-file[dag-schedule]\n")
    assert found(project) == []


def test_the_config_silences_a_rule_for_all_files_or_for_some(project, found):
    configure(project, 'ignore = ["dag-schedule"]')
    assert found(project) == []
    configure(project, 'per-file-ignores = { "dags/*" = ["dag-schedule"] }')
    assert found(project) == []
    configure(project, 'per-file-ignores = { "other/*" = ["dag-schedule"] }')
    assert rules(found(project)) == ["dag-schedule"]


def test_a_rule_that_does_not_exist_cannot_be_silenced(project, found):
    configure(project, 'ignore = ["dag-shedule"]')
    with pytest.raises(ConfigInvalid, match="dag-shedule"):
        found(project)


def test_known_findings_are_left_out_wherever_they_moved_and_new_ones_are_not(project, found):
    write_baseline(found(project), project / "known.json")
    configure(project, 'baseline = "known.json"')
    (project / "dags" / "d.py").write_text("# moved\n" + BROKEN)
    assert found(project) == []
    (project / "dags" / "e.py").write_text(BROKEN.replace("daily", "weekly"))
    assert [finding.path for finding in found(project)] == ["dags/e.py"]
    (project / "known.json").write_text("{}[")
    with pytest.raises(ConfigInvalid, match=r"known\.json"):
        found(project)
