"""DAGs that are run in part, with stand-ins, and in pools."""

import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, task, task_group

START = datetime.datetime(2024, 1, 1)

with DAG("in_parts", schedule=None, start_date=START, params={"rows": Param(1, type="integer")}):

    @task
    def ask_partner():
        raise ConnectionError("the partner is not for tests")

    @task
    def plan(answer, params=None):
        return [*answer, params["rows"]]

    @task
    def load(row):
        return row * 10

    @task
    def report(rows):
        return sum(rows)

    @task(retries=1)
    def notify(total, ti=None):
        return f"{total} in try {ti.try_number}"

    mail = BashOperator(task_id="mail", bash_command="send {{ ti.xcom_pull('report')['text'] }}")
    total = report(load.expand(row=plan(ask_partner())))
    notify(total) >> mail

with DAG("in_groups", schedule=None, start_date=START):

    @task_group
    def each(n):
        @task
        def first(n):
            return n + 1

        @task
        def second(n):
            return n * 2

        second(first(n))

    @task
    def numbers():
        return [1, 2]

    numbers() >> EmptyOperator(task_id="aside")
    each.expand(n=numbers.override(task_id="more_numbers")())

with DAG("in_pools", schedule=None, start_date=START):

    @task(pool="partners")
    def call():
        return "called"

    @task(pool="default_pool", pool_slots=500)
    def large():
        return "large"

    call()
    large()
