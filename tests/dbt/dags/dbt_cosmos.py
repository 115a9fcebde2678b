"""dbt with Cosmos: a task a model, each with its tests."""

from __future__ import annotations

import os
from pathlib import Path

import pendulum
from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import LoadMode, TestBehavior

PROJECT = Path(os.environ["DBT_PROJECT"])

with DAG("dbt_cosmos", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), schedule=None):
    DbtTaskGroup(
        group_id="jaffle_shop",
        project_config=ProjectConfig(PROJECT),
        profile_config=ProfileConfig(
            profile_name="jaffle_shop", target_name="dev", profiles_yml_filepath=PROJECT / "profiles.yml"
        ),
        execution_config=ExecutionConfig(dbt_executable_path=os.environ["DBT_EXECUTABLE"]),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_LS,
            select=["+stg_customers"],
            exclude=["test_name:relationships"],
            test_behavior=TestBehavior.AFTER_ALL,
        ),
        operator_args={"install_deps": False},
    )
