"""Sensors, deferrals and mapped tasks."""

import datetime

from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, task, task_group
from probe_triggers import DeferringOperator

START = datetime.datetime(2024, 1, 1)
HOUR = 3600


class Nth:
    """True at the third question."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.asked % 3 == 0


with DAG("sensors", schedule=None, start_date=START):
    PythonSensor(task_id="poked", python_callable=Nth(), poke_interval=HOUR, timeout=5 * HOUR)
    PythonSensor(task_id="rescheduled", python_callable=Nth(), poke_interval=HOUR, timeout=5 * HOUR, mode="reschedule")
    PythonSensor.partial(task_id="mapped", python_callable=Nth()).expand(op_args=[[], []])

with DAG("never_true", schedule=None, start_date=START):
    PythonSensor(task_id="skips", python_callable=lambda: False, poke_interval=HOUR, timeout=0.1, soft_fail=True)
    PythonSensor(
        task_id="fails", python_callable=lambda: False, poke_interval=HOUR, timeout=0.1, mode="reschedule", retries=2
    )

with DAG("deferrals", schedule=None, start_date=START):
    DeferringOperator(task_id="twice", does="fire", stages=2)

with DAG("deferrals_that_fail", schedule=None, start_date=START):
    DeferringOperator(task_id="broken", does="fail", retries=1, retry_delay=datetime.timedelta(hours=1))
    DeferringOperator(task_id="silent", does="end")
    DeferringOperator(task_id="late", does="never", deferral_timeout=datetime.timedelta(milliseconds=50))

with DAG("mapped_group", schedule=None, start_date=START):

    @task
    def sites():
        return ["north", "south"]

    @task
    def measure(site):
        print(f"measuring {site}")
        return len(site)

    @task
    def scale(number):
        return number * 10

    @task
    def total(numbers):
        return sum(numbers)

    @task_group
    def per_site(site):
        return scale(measure(site))

    total(per_site.expand(site=sites()))

with DAG("one_of_many_fails", schedule=None, start_date=START):

    @task
    def check(number):
        if number == 2:
            raise ValueError("two is bad")

    check.expand(number=[1, 2, 3])
