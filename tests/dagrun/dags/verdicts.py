"""Runs that ``dag.test()`` calls a success, and should not; and some that it cannot finish."""

import datetime
import io
import os
import signal

from airflow.sdk import DAG, task

START = datetime.datetime(2024, 1, 1)

with DAG("failure_behind_a_clean_up", schedule=None, start_date=START):

    @task
    def load():
        print("reading the meter")
        raise ValueError("no such meter")

    @task(trigger_rule="all_done")
    def clean_up():
        return "cleaned"

    load() >> clean_up()

with DAG("starts_later", schedule=None, start_date=datetime.datetime(2100, 1, 1)):

    @task
    def never_reached():
        raise AssertionError

    never_reached()

with DAG("spreading_failure", schedule=None, start_date=START):

    @task
    def root():
        raise ValueError("at the root")

    @task
    def middle():
        return None

    @task
    def leaf():
        return None

    root() >> middle() >> leaf()

with DAG("depends_on_yesterday", schedule="@daily", start_date=START, catchup=False):

    @task(depends_on_past=True)
    def today(dag_run=None):
        if dag_run.conf.get("fail"):
            raise ValueError("yesterday failed")

    today()

with DAG("fixed_order", schedule=None, start_date=START):
    for name in ("delta", "alpha", "charlie", "bravo"):

        @task(task_id=name)
        def one():
            return None

        one()

with DAG("one_fails_fast", schedule=None, start_date=START, fail_fast=True):

    @task
    def first():
        raise ValueError("stop everything")

    @task
    def second():
        return None

    first()
    second()

with DAG("flaky", schedule=None, start_date=START):

    @task(retries=2, retry_delay=datetime.timedelta(hours=1), retry_exponential_backoff=True)
    def third_time_lucky(ti=None):
        print(f"this is try {ti.try_number}")
        if ti.try_number < 3:
            raise ValueError(f"try {ti.try_number} failed")
        return ti.try_number

    third_time_lucky()

with DAG("leaky", schedule=None, start_date=START, params={"size": 1}):

    @task
    def leave_traces(params=None):
        os.environ["LEFT_BEHIND"] = "yes"
        os.environ["AWS_ENDPOINT_URL"] = "http://elsewhere"
        os.chdir("/")
        return params["size"]

    @task
    def look_for_traces(params=None):
        return [os.environ.get("LEFT_BEHIND"), os.getcwd(), params["size"]]

    leave_traces() >> look_for_traces()

with DAG("timed_out", schedule=None, start_date=START):

    @task(execution_timeout=datetime.timedelta(milliseconds=100))
    def too_long():
        signal.pause()

    too_long()

with DAG("timed_out_in_a_stream", schedule=None, start_date=START):

    class Connection(io.RawIOBase):
        """What its ``close`` raises, Python drops without a word."""

        def close(self):
            signal.sigtimedwait([], 0.2)

    @task(execution_timeout=datetime.timedelta(milliseconds=100))
    def polls():
        Connection()
        signal.sigtimedwait([], 20)

    polls()

with DAG("timed_out_in_a_finaliser", schedule=None, start_date=START):

    class Pool:
        def __del__(self):
            signal.sigtimedwait([], 0.2)

    @task(execution_timeout=datetime.timedelta(milliseconds=100))
    def polls():
        Pool()
        signal.sigtimedwait([], 20)

    polls()

with DAG("interrupted", schedule=None, start_date=START):

    @task(retries=3)
    def stopped_by_hand():
        raise KeyboardInterrupt

    stopped_by_hand()

with DAG("settings_of_one_run", schedule=None, start_date=START):

    @task
    def read_them():
        from airflow.sdk import Connection, Variable

        return [
            Variable.get("region"),
            Variable.get("limits", deserialize_json=True),
            Connection.get("warehouse_db").host,
        ]

    read_them()

with DAG("warns", schedule=None, start_date=START):

    @task
    def warn():
        import warnings

        warnings.warn("this is deprecated", DeprecationWarning, stacklevel=1)

    warn()

with DAG("leaves_open", schedule=None, start_date=START):

    @task
    def connect():
        import socket

        ring = [socket.socket()]
        ring.append(ring)
        raise ValueError("and the socket is still open")

    connect()

with DAG("asks_a_human", schedule=None, start_date=START):
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    ApprovalOperator(task_id="approve", subject="May it go on?")
