"""A task that declares a secret, then logs, prints and raises it."""

from __future__ import annotations

import logging

from airflow.sdk import dag, task
from airflow.sdk.log import mask_secret


@dag(schedule=None)
def secretive():
    @task
    def tell():
        mask_secret("hunter2-hunter2")
        logging.getLogger("airflow.task").info("logged hunter2-hunter2")
        print("printed hunter2-hunter2")
        raise ValueError("raised hunter2-hunter2")

    tell()


secretive()
