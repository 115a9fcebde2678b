"""Tasks that read and write objects in S3 the way production does."""

import datetime

from airflow.sdk import DAG, ObjectStoragePath, task

base = ObjectStoragePath("s3://aws_default@lake/in")

with DAG("objects", schedule=None, start_date=datetime.datetime(2024, 1, 1)):

    @task
    def look_early():
        return (base / "late.txt").exists()

    @task
    def somebody_else_writes():
        import boto3

        boto3.client("s3").put_object(Bucket="lake", Key="in/late.txt", Body=b"written by another client")
        return boto3.client("sts").get_caller_identity()["Account"]

    @task
    def look_again():
        return [(base / "late.txt").read_text(), sorted(path.name for path in base.iterdir())]

    @task
    def hand_over():
        path = base / "mine.txt"
        path.write_text("mine")
        return path

    @task
    def take(path):
        return path.read_text()

    look_early() >> somebody_else_writes() >> look_again() >> take(hand_over())
