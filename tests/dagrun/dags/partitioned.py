"""DAGs whose assets come in partitions: by the month, gathered by the quarter, spread over months, by region."""

import datetime

from airflow.sdk import (
    DAG,
    AllowedKeyMapper,
    Asset,
    CronPartitionTimetable,
    FanOutMapper,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    QuarterWindow,
    RollupMapper,
    StartOfMonthMapper,
    StartOfQuarterMapper,
    StartOfYearMapper,
    YearWindow,
    task,
)

START = datetime.datetime(2024, 1, 1)
MONTH, OTHER, COPY, REGION, YEAR, PLAIN = map(
    Asset, ("month_rows", "other_rows", "copied_rows", "region_rows", "year_rows", "plain_rows")
)


def dag(dag_id, schedule, *outlets):
    with DAG(dag_id, schedule=schedule, start_date=START, catchup=False):

        @task(outlets=list(outlets))
        def work(dag_run=None, triggering_asset_events=None):
            sources = [event.partition_key for events in (triggering_asset_events or {}).values() for event in events]
            return [dag_run.partition_key, str(dag_run.partition_date), sorted(sources)]

        work()


def by_month(**options):
    return CronPartitionTimetable("0 0 1 * *", timezone="Europe/Berlin", key_format="%Y-%m", **options)


def on(assets, mapper=None):
    given = {} if mapper is None else {"default_partition_mapper": mapper}
    return PartitionedAssetTimetable(assets=assets, **given)


dag("month", by_month(), MONTH)
dag("other_month", by_month(), OTHER)
dag("month_before", by_month(run_offset=-1))
dag("copy_month", on(MONTH), COPY)
dag("both_months", on(MONTH & OTHER))
dag("either_month", on(MONTH | OTHER))
dag("knows_no_months", [MONTH])
QUARTER = StartOfQuarterMapper(input_format="%Y-%m", timezone="Europe/Berlin")
dag("quarter", on(COPY, RollupMapper(upstream_mapper=QUARTER, window=QuarterWindow())))

dag("year", PartitionedAtRuntime(), YEAR)
MONTHS = StartOfYearMapper(input_format="%Y")
dag(
    "each_month",
    on(YEAR, FanOutMapper(upstream_mapper=MONTHS, window=YearWindow(), downstream_mapper=StartOfMonthMapper())),
)

dag("a_region", on(REGION, AllowedKeyMapper(["north", "south"])))
dag("plain", None, PLAIN)
dag("on_no_partition", on(PLAIN))

with DAG("finds_regions", schedule=PartitionedAtRuntime(), start_date=START):

    @task(outlets=[REGION])
    def find(outlet_events=None):
        outlet_events[REGION].add_partitions(["north", "south", "west"])

    find()
