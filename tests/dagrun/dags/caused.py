"""DAGs that cause runs of other DAGs: by asset events, and by ``TriggerDagRunOperator``."""

import datetime

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, Metadata, task

START = datetime.datetime(2024, 1, 1)
RAW, LOADED, REPORT = Asset("raw"), Asset("loaded"), Asset("report")
SIDE = Asset("side")
PING, PONG = Asset("ping"), Asset("pong")

with DAG("extract", schedule=None, start_date=START):

    @task(outlets=[RAW, SIDE])
    def fetch():
        yield Metadata(RAW, extra={"rows": 3})

    fetch()

with DAG("load", schedule=[RAW], start_date=START, catchup=False):

    @task(outlets=[LOADED])
    def write(triggering_asset_events=None):
        events = triggering_asset_events[RAW]
        return [[event.extra["rows"], event.source_dag_run.dag_id] for event in events]

    write()

with DAG("transform", schedule=(LOADED & SIDE), start_date=START, catchup=False):

    @task(outlets=[REPORT])
    def aggregate(triggering_asset_events=None):
        return sorted(asset.name for asset in triggering_asset_events)

    aggregate()

with DAG("never_scheduled", schedule=(REPORT & PING), start_date=START, catchup=False):

    @task
    def half_a_condition():
        raise AssertionError

    half_a_condition()

for source, target in ((PING, PONG), (PONG, PING)):
    with DAG(f"on_{source.name}", schedule=[source], start_date=START, catchup=False):

        @task(outlets=[target])
        def send_back():
            return None

        send_back()

with DAG("child", schedule=None, start_date=START, params={"fail": False}):

    @task
    def work(params=None):
        if params["fail"]:
            raise ValueError("the child failed")
        return "done by the child"

    work()

for name, options in {
    "waits": {"wait_for_completion": True, "poke_interval": 600},
    "waits_deferred": {"wait_for_completion": True, "poke_interval": 600, "deferrable": True},
    "goes_on": {},
    "waits_in_vain": {"wait_for_completion": True, "conf": {"fail": True}},
    "goes_on_in_vain": {"conf": {"fail": True}},
    "tolerates": {
        "wait_for_completion": True,
        "conf": {"fail": True},
        "allowed_states": ["failed"],
        "failed_states": [],
    },
}.items():
    with DAG(f"parent_{name}", schedule=None, start_date=START):

        @task
        def after():
            return None

        TriggerDagRunOperator(task_id="trigger", trigger_dag_id="child", **options) >> after()
