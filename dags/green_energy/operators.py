"""Operators of the pipeline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sts import StsHook
from airflow.providers.databricks.operators.databricks_sql import DatabricksCopyIntoOperator
from airflow.sdk.log import mask_secret

if TYPE_CHECKING:
    from airflow.sdk import Context


class S3CopyIntoOperator(DatabricksCopyIntoOperator):
    """``COPY INTO`` from S3 with credentials that last an hour and open nothing but the files' folder.

    The role is assumed when the task runs, so the credentials never rest in XCom or in a rendered template; as the
    statement holds them, they are masked in the log.

    :param aws_conn_id: the AWS connection that may assume the role.
    :param role_arn: the role that may read the files.
    """

    template_fields: Sequence[str] = (*DatabricksCopyIntoOperator.template_fields, "_expression_list")

    def __init__(self, *, aws_conn_id: str, role_arn: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.role_arn = role_arn

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        self._credential = self._assume_role(session=f"{ti.dag_id}.{ti.task_id}"[:64])
        mask_secret(list(self._credential.values()))
        return super().execute(context)

    def _assume_role(self, session: str) -> dict[str, str]:
        bucket, prefix = S3Hook.parse_s3_url(self.file_location)
        allowed = [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{bucket}/{prefix}*"},
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
                "Resource": f"arn:aws:s3:::{bucket}",
            },
        ]
        answer = StsHook(aws_conn_id=self.aws_conn_id).conn.assume_role(
            RoleArn=self.role_arn,
            RoleSessionName=session,
            DurationSeconds=3600,
            Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
        )
        credentials = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY": credentials["AccessKeyId"],
            "AWS_SECRET_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
