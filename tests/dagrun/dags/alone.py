"""A file with one DAG."""

import datetime

from airflow.sdk import DAG, task

with DAG("alone", schedule=None, start_date=datetime.datetime(2024, 1, 1)):

    @task
    def one():
        return 1

    one()
