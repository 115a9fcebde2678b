"""Storage credentials, external locations, temporary credentials: by databricks-sdk, SQL and boto3, unmodified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import httpx2
import pytest
from botocore.exceptions import ClientError
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.errors import NotImplemented as NotServed
from databricks.sdk.service.catalog import (
    AwsIamRoleRequest,
    AzureServicePrincipal,
    PathOperation,
    TableOperation,
    VolumeOperation,
    VolumeType,
)
from databricks.sql.exc import ServerOperationError

from harness.lake.s3 import requests
from harness.stack import Stack

ROLE = AwsIamRoleRequest("arn:aws:iam::123456789012:role/lake")
UC = "/api/2.1/unity-catalog"


@pytest.fixture
def credential(w: WorkspaceClient) -> str:
    w.storage_credentials.create("lake_role", aws_iam_role=ROLE, comment="the lake's")
    return "lake_role"


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> None:
    if "w" in request.fixturenames:
        request.getfixturevalue("http").post("/_harness/reset")


def test_a_storage_credential_is_made_read_listed_changed_and_deleted(w: WorkspaceClient, credential: str) -> None:
    made = w.storage_credentials.get("LAKE_ROLE")
    assert made.aws_iam_role is not None
    assert (made.name, made.comment, made.aws_iam_role.role_arn) == ("lake_role", "the lake's", ROLE.role_arn)
    assert made.aws_iam_role.external_id
    assert list(w.storage_credentials.list(max_results=1)) == [made]
    renamed = w.storage_credentials.update("lake_role", new_name="role", owner="you@example.com", read_only=True)
    assert (renamed.id, renamed.name, renamed.owner, renamed.read_only) == (made.id, "role", "you@example.com", True)
    w.storage_credentials.delete("role")
    with pytest.raises(NotFound, match="Storage credential 'role' does not exist"):
        w.storage_credentials.get("role")


def test_a_secret_of_an_identity_is_never_shown(w: WorkspaceClient, http: httpx2.Client) -> None:
    principal = AzureServicePrincipal("directory", "application", "s3cr3t")
    made = w.storage_credentials.create("azure", azure_service_principal=principal)
    assert made.azure_service_principal is not None
    assert made.azure_service_principal.application_id == "application"
    assert "s3cr3t" not in http.get(f"{UC}/storage-credentials").text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "c"}, "needs one of aws_iam_role"),
        ({"name": "c", "aws_iam_role": {"role_arn": "lake"}}, "'lake' is not the ARN"),
        ({"name": "c", "aws_iam_role": {}}, "Missing required field: aws_iam_role.role_arn"),
        ({"name": "a.b", "aws_iam_role": {"role_arn": ROLE.role_arn}}, "not a valid storage credential name"),
        ({"name": "c", "aws_iam_role": {"role_arn": ROLE.role_arn}, "azure_managed_identity": {}}, "one identity"),
        ({"name": "c", "aws_iam_role": {"role_arn": ROLE.role_arn}, "read_only": "often"}, "read_only"),
    ],
)
def test_a_credential_that_cannot_be_is_refused_by_name(
    http: httpx2.Client, fields: dict[str, Any], message: str
) -> None:
    answer = http.post(f"{UC}/storage-credentials", json=fields)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json()["message"]


def test_a_location_is_made_changed_and_follows_its_credentials_name(w: WorkspaceClient, credential: str) -> None:
    made = w.external_locations.create("Raw", "s3://lake/raw", credential, skip_validation=True, comment="in")
    assert (made.name, made.url, made.credential_name, made.read_only) == ("raw", "s3://lake/raw", credential, False)
    assert w.external_locations.get("RAW") == made
    assert list(w.external_locations.list(max_results=1)) == [made]
    w.storage_credentials.update(credential, new_name="other")
    assert w.external_locations.get("raw").credential_name == "other"
    changed = w.external_locations.update("raw", new_name="bronze", url="s3://lake/bronze", skip_validation=True)
    assert (changed.credential_id, changed.name, changed.url) == (made.credential_id, "bronze", "s3://lake/bronze")
    w.external_locations.delete("bronze")
    with pytest.raises(NotFound, match="External location 'bronze' does not exist"):
        w.external_locations.get("bronze")


def test_locations_do_not_overlap(w: WorkspaceClient, credential: str) -> None:
    w.external_locations.create("raw", "s3://lake/raw", credential, skip_validation=True)
    for url in ("s3://lake/raw", "s3://lake", "s3://lake/raw/2024/", "s3a://lake/raw"):
        with pytest.raises(InvalidParameterValue, match=r"overlaps with an existing external location.*: raw\."):
            w.external_locations.create("other", url, credential, skip_validation=True)
    w.external_locations.create("other", "s3://lake/raw2", credential, skip_validation=True)
    with pytest.raises(ResourceConflict, match="'other' already exists"):
        w.external_locations.create("other", "s3://elsewhere", credential, skip_validation=True)


def test_what_is_in_use_goes_by_force_only(w: WorkspaceClient, credential: str) -> None:
    w.external_locations.create("raw", "s3://lake/raw", credential, skip_validation=True)
    w.volumes.create("main", "default", "files", VolumeType.EXTERNAL, storage_location="s3://lake/raw/files")
    with pytest.raises(BadRequest, match="1 dependent storage location"):
        w.storage_credentials.delete(credential)
    with pytest.raises(BadRequest, match="0 dependent tables, 1 dependent volumes"):
        w.external_locations.delete("raw")
    with pytest.raises(BadRequest, match="use force option to update url anyway"):
        w.external_locations.update("raw", url="s3://lake/other", skip_validation=True)
    w.external_locations.update("raw", url="s3://lake/other", force=True, skip_validation=True)
    w.external_locations.update("raw", url="s3://lake/raw", skip_validation=True)
    w.external_locations.delete("raw", force=True)
    w.storage_credentials.delete(credential)


@pytest.mark.parametrize("url", ["/lake", "file:/lake", "s3://", "s3://lake/a?b=c", "dbfs:/mnt/lake"])
def test_a_location_is_a_place_in_a_cloud(w: WorkspaceClient, credential: str, url: str) -> None:
    with pytest.raises(InvalidParameterValue, match="is not the URL of a cloud storage"):
        w.external_locations.create("raw", url, credential)


def test_a_location_needs_a_credential_that_exists(w: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="Storage credential 'nobody' does not exist"):
        w.external_locations.create("raw", "s3://lake/raw", "nobody")


def test_no_credentials_are_given_for_a_table_on_this_disk(http: httpx2.Client, w: WorkspaceClient) -> None:
    fields = {"name": "t", "catalog_name": "main", "schema_name": "default", "table_type": "MANAGED", "columns": []}
    made = http.post(f"{UC}/tables", json={**fields, "data_source_format": "DELTA"}).json()
    with pytest.raises(NotServed, match=r"rests at file://.*on this machine's disk"):
        w.temporary_table_credentials.generate_temporary_table_credentials(
            table_id=made["table_id"], operation=TableOperation.READ
        )
    with pytest.raises(NotFound, match="Table 'x' does not exist"):
        w.temporary_table_credentials.generate_temporary_table_credentials(table_id="x", operation=TableOperation.READ)
    with pytest.raises(NotFound, match="No external location holds the path 's3://lake/x'"):
        w.temporary_path_credentials.generate_temporary_path_credentials("s3://lake/x", PathOperation.PATH_READ)


# ---- on a stack ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_new_location_is_looked_at(workspace: WorkspaceClient, s3: Any) -> None:
    workspace.storage_credentials.create("lake_role", aws_iam_role=ROLE)
    with pytest.raises(
        InvalidParameterValue, match=r"Failed to access cloud storage at s3://lake/raw \(LIST\).*NoSuchBucket"
    ):
        workspace.external_locations.create("raw", "s3://lake/raw", "lake_role")
    s3.create_bucket(Bucket="lake")
    workspace.external_locations.create("raw", "s3://lake/raw", "lake_role")
    said = workspace.storage_credentials.validate(storage_credential_name="lake_role", external_location_name="raw")
    assert [(r.operation.value, r.result.value) for r in said.results or [] if r.operation and r.result] == [
        ("LIST", "PASS"), ("READ", "PASS"), ("WRITE", "PASS"), ("DELETE", "PASS"),
    ]  # fmt: skip
    assert "Contents" not in s3.list_objects_v2(Bucket="lake"), "validation leaves nothing behind"
    said = workspace.storage_credentials.validate(storage_credential_name="lake_role", url="s3://nowhere/x")
    assert {r.result.value for r in said.results or [] if r.result} == {"FAIL"}


@pytest.mark.s3("requests")
@pytest.mark.slow
def test_nothing_is_written_to_a_read_only_location_to_try_it(
    workspace: WorkspaceClient, s3: Any, clean_stack: Stack
) -> None:
    for bucket in ("lake", "pond"):
        s3.create_bucket(Bucket=bucket)
    workspace.storage_credentials.create("lake_role", aws_iam_role=ROLE)
    made = workspace.external_locations.create("raw", "s3://lake/raw", "lake_role", read_only=True)
    moved = workspace.external_locations.update("raw", url="s3://pond/raw")
    assert (made.read_only, moved.read_only, moved.url) == (True, True, "s3://pond/raw")
    assert [each for each in requests(clean_stack.s3) if each["operation"] == "write"] == []


@pytest.mark.slow
def test_sql_makes_shows_changes_and_drops_locations(
    workspace: WorkspaceClient, sql: Callable[..., list[Any]], s3: Any
) -> None:
    s3.create_bucket(Bucket="lake")
    workspace.storage_credentials.create("lake_role", aws_iam_role=ROLE, comment="the lake's")
    create = "CREATE EXTERNAL LOCATION {} raw URL 's3://lake/raw' WITH (STORAGE CREDENTIAL lake_role) COMMENT 'in'"
    sql(create.format(""))
    sql(create.format("IF NOT EXISTS"))
    with pytest.raises(ServerOperationError, match="EXTERNAL_LOCATION_ALREADY_EXISTS"):
        sql(create.format(""))
    assert [tuple(row) for row in sql("SHOW EXTERNAL LOCATIONS LIKE 'r*'")] == [("raw", "s3://lake/raw", "in")]
    assert sql("SHOW EXTERNAL LOCATIONS 'x*'") == []
    assert [tuple(row) for row in sql("SHOW STORAGE CREDENTIALS")] == [("lake_role", "the lake's")]
    (row,) = sql("DESCRIBE EXTERNAL LOCATION raw")
    assert (row.name, row.url, row.credential_name, row.comment) == ("raw", "s3://lake/raw", "lake_role", "in")
    (row,) = sql("DESC STORAGE CREDENTIAL lake_role")
    assert (row.name, row.credential) == ("lake_role", f"AwsIamRole:{ROLE.role_arn}")
    sql("ALTER STORAGE CREDENTIAL lake_role RENAME TO role")
    sql("ALTER EXTERNAL LOCATION raw OWNER TO `you@example.com`")
    sql("ALTER EXTERNAL LOCATION raw RENAME TO bronze")
    sql("CREATE TABLE main.default.t (a INT) LOCATION 's3://lake/raw/t'")
    with pytest.raises(ServerOperationError, match="use force option to update url anyway"):
        sql("ALTER EXTERNAL LOCATION bronze SET URL 's3://lake/bronze'")
    sql("ALTER EXTERNAL LOCATION bronze SET URL 's3://lake/bronze' FORCE")
    made = workspace.external_locations.get("bronze")
    assert (made.owner, made.credential_name, made.url) == ("you@example.com", "role", "s3://lake/bronze")
    sql("DROP EXTERNAL LOCATION bronze")
    sql("DROP STORAGE CREDENTIAL IF EXISTS role FORCE")
    sql("DROP EXTERNAL LOCATION IF EXISTS bronze")
    with pytest.raises(ServerOperationError, match="EXTERNAL_LOCATION_DOES_NOT_EXIST"):
        sql("DESCRIBE EXTERNAL LOCATION bronze")


@pytest.mark.slow
def test_another_engine_reads_a_table_with_temporary_credentials(
    workspace: WorkspaceClient, sql: Callable[..., list[Any]], s3: Any, clean_stack: Stack
) -> None:
    from deltalake import DeltaTable

    s3.create_bucket(Bucket="lake")
    workspace.storage_credentials.create("lake_role", aws_iam_role=ROLE)
    workspace.external_locations.create("raw", "s3://lake/raw", "lake_role")
    sql("CREATE TABLE main.default.t LOCATION 's3://lake/raw/t' AS SELECT 1 AS a")
    table = workspace.tables.get("main.default.t")
    given = workspace.temporary_table_credentials.generate_temporary_table_credentials(
        table_id=table.table_id, operation=TableOperation.READ
    )
    aws = given.aws_temp_credentials
    assert aws is not None
    assert aws.access_key_id != clean_stack.s3.access_key
    options = {
        "AWS_ACCESS_KEY_ID": aws.access_key_id or "",
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key or "",
        "AWS_SESSION_TOKEN": aws.session_token or "",
        "AWS_ENDPOINT_URL": clean_stack.s3.url,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    assert DeltaTable(given.url or "", storage_options=options).to_pyarrow_table().to_pylist() == [{"a": 1}]
    volume = workspace.volumes.create(
        "main", "default", "files", VolumeType.EXTERNAL, storage_location="s3://lake/raw/files"
    )
    for other in (
        workspace.temporary_volume_credentials.generate_temporary_volume_credentials(
            volume_id=volume.volume_id, operation=VolumeOperation.WRITE_VOLUME
        ),
        workspace.temporary_path_credentials.generate_temporary_path_credentials(
            "s3://lake/raw/x", PathOperation.PATH_READ_WRITE
        ),
    ):
        assert other.aws_temp_credentials is not None
        keys = other.aws_temp_credentials
        client = boto3.Session().client(
            "s3",
            endpoint_url=clean_stack.s3.url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            region_name="us-east-1",
        )
        client.put_object(Bucket="lake", Key="raw/x", Body=b"1")
    with pytest.raises(ClientError):
        s3.head_object(Bucket="lake", Key="raw/y")
