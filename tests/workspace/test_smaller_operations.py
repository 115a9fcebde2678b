"""Operations that need no page of tests of their own: each does what it says, asked by the SDK."""

from __future__ import annotations

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import EntityTagAssignment
from databricks.sdk.service.iam import ComplexValue
from databricks.sdk.service.jobs import JobAccessControlRequest, JobPermissionLevel

from tests.workspace.conftest import Service


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def test_permissions_of_a_job_are_set_as_a_whole(w: WorkspaceClient) -> None:
    job = str(w.jobs.create(name="j").job_id)

    def grant(user: str, level: JobPermissionLevel) -> list[JobAccessControlRequest]:
        return [JobAccessControlRequest(user_name=user, permission_level=level)]

    w.jobs.set_permissions(job, access_control_list=grant("first@example.com", JobPermissionLevel.CAN_MANAGE))
    w.jobs.set_permissions(job, access_control_list=grant("second@example.com", JobPermissionLevel.CAN_VIEW))
    names = {entry.user_name for entry in w.jobs.get_permissions(job).access_control_list or []}
    assert "second@example.com" in names
    assert "first@example.com" not in names


def test_a_group_is_replaced(w: WorkspaceClient) -> None:
    group = w.groups.create(display_name="before")
    w.groups.update(group.id, display_name="after")
    assert w.groups.get(group.id).display_name == "after"


def test_a_service_principal_is_read_replaced_and_has_secrets_that_are_listed_and_deleted(w: WorkspaceClient) -> None:
    made = w.service_principals.create(display_name="loader")
    assert w.service_principals.get(made.id).display_name == "loader"
    w.service_principals.update(
        made.id,
        application_id=made.application_id,
        display_name="writer",
        entitlements=[ComplexValue(value="workspace-access")],
    )
    assert w.service_principals.get(made.id).display_name == "writer"
    secret = w.service_principal_secrets_proxy.create(made.id)
    assert [one.id for one in w.service_principal_secrets_proxy.list(made.id)] == [secret.id]
    w.service_principal_secrets_proxy.delete(made.id, secret.id)
    assert list(w.service_principal_secrets_proxy.list(made.id)) == []


def test_a_catalog_and_a_schema_take_a_new_comment(w: WorkspaceClient) -> None:
    w.catalogs.create("sales")
    w.schemas.create("raw", "sales")
    w.catalogs.update("sales", comment="what was sold")
    w.schemas.update("sales.raw", comment="as it came")
    assert w.catalogs.get("sales").comment == "what was sold"
    assert w.schemas.get("sales.raw").comment == "as it came"


def test_the_metastore_is_the_one_that_is_assigned(w: WorkspaceClient) -> None:
    assert w.metastores.summary().metastore_id == w.metastores.current().metastore_id


def test_a_tag_is_read_by_its_key(w: WorkspaceClient) -> None:
    w.schemas.create("raw", "main")
    w.entity_tag_assignments.create(
        EntityTagAssignment(entity_type="schemas", entity_name="main.raw", tag_key="team", tag_value="energy")
    )
    assert w.entity_tag_assignments.get("schemas", "main.raw", "team").tag_value == "energy"


def test_openid_clients_find_where_to_sign_in(service: Service) -> None:
    document = httpx2.get(f"{service.url}/oidc/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == f"{service.url}/oidc/v1/token"
