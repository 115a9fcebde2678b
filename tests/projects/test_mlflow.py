"""A project that trains with scikit-learn and tracks with MLflow, which its notebooks install from PyPI."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.control import control
from harness.stack import Stack

pytestmark = pytest.mark.slow

PLACE = """# Databricks notebook source
import os, pathlib
store = os.environ["MLFLOW_TRACKING_URI"]
assert os.environ["MLFLOW_ALLOW_FILE_STORE"] == "true"
folder = pathlib.Path(store.removeprefix("file://"))
folder.mkdir(exist_ok=True)
(folder / "kept").touch()
dbutils.notebook.exit(store)
"""


def test_notebooks_are_given_a_store_that_a_reset_empties(
    job: Callable[..., int], run: Callable[..., Any], workspace: WorkspaceClient, clean_stack: Stack
) -> None:
    path = "/Workspace/Users/projects/place"
    workspace.workspace.mkdirs("/Workspace/Users/projects")
    content = base64.b64encode(PLACE.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    tasks = [{"task_key": "place", "notebook_task": {"notebook_path": path}}]
    store = Path(run(job(tasks))["place"].notebook_output.result.removeprefix("file://"))
    assert (store / "kept").exists()
    control(clean_stack.endpoints, "POST", "reset")
    assert not store.exists()


@pytest.mark.mlflow
@pytest.mark.skipif(
    not os.environ.get("HARNESS_TEST_MLFLOW"),
    reason="its notebooks download MLflow: tox -e mlflow (HARNESS_TEST_MLFLOW)",
)
def test_models_are_trained_tracked_loaded_and_scored(
    deploy: Callable[[str], str], job: Callable[..., int], run: Callable[..., Any], sql: Callable[..., list[Any]]
) -> None:
    folder = deploy("churn")
    names = ("features", "train", "score")
    tasks = [{"task_key": name, "notebook_task": {"notebook_path": f"{folder}/{name}"}} for name in names]
    outputs = run(job(tasks, catalog="main", schema="churn"))
    best, _, f1 = outputs["train"].notebook_output.result.partition(" ")
    assert best in ("logistic", "forest")
    assert float(f1) > 0.8
    assert outputs["score"].notebook_output.result == f1
    told = sql(
        "SELECT count(*), round(avg(CASE WHEN (probability > 0.5) = (churned = 1) THEN 1 ELSE 0 END), 1) >= 0.9 "
        "FROM main.churn.scores"
    )
    assert [tuple(row) for row in told] == [(400, True)]
