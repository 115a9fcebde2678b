"""Saved queries, by the SDK."""

from __future__ import annotations

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from databricks.sdk.service.sql import CreateQueryRequestQuery, LifecycleState, UpdateQueryRequestQuery


def make(w: WorkspaceClient, name: str, *, resolve: bool = False) -> str:
    query = CreateQueryRequestQuery(display_name=name, query_text="SELECT 1", warehouse_id="local", tags=["t"])
    return str(w.queries.create(query=query, auto_resolve_display_name=resolve).id)


def test_a_query_is_saved_listed_changed_and_trashed(w: WorkspaceClient) -> None:
    first, second = make(w, "first"), make(w, "second")
    assert [q.id for q in w.queries.list(page_size=1) if q.id in (first, second)] == [first, second]
    change = UpdateQueryRequestQuery(query_text="SELECT 2", description="two", tags=["ignored"])
    changed = w.queries.update(first, update_mask="query_text,description", query=change)
    assert (changed.query_text, changed.description, changed.tags) == ("SELECT 2", "two", ["t"])
    read = w.queries.get(first)
    assert read == changed
    assert read.owner_user_name == "me@example.com"
    assert read.parent_path == "/Workspace/Users/me@example.com"
    w.queries.delete(first)
    assert first not in [q.id for q in w.queries.list()]
    assert w.queries.get(first).lifecycle_state is LifecycleState.TRASHED
    legacy = w.queries_legacy.get(second)
    assert (legacy.name, legacy.query) == ("second", "SELECT 1")
    sources = {source.id: source.warehouse_id for source in w.data_sources.list()}
    assert sources[legacy.data_source_id] == "local"


def test_two_queries_of_a_folder_have_two_names(w: WorkspaceClient) -> None:
    make(w, "daily")
    with pytest.raises(ResourceAlreadyExists, match="daily"):
        make(w, "daily")
    assert w.queries.get(make(w, "daily", resolve=True)).display_name == "daily (1)"


def test_wrong_queries_are_refused_by_name(w: WorkspaceClient, http: httpx2.Client) -> None:
    with pytest.raises(ResourceDoesNotExist, match="no-such"):
        w.queries.get("no-such")
    with pytest.raises(ResourceDoesNotExist):
        w.queries_legacy.get("no-such")
    query = make(w, "refused")
    with pytest.raises(InvalidParameterValue, match="color"):
        w.queries.update(query, update_mask="color", query=UpdateQueryRequestQuery())
    for body, named in (
        ({"query": {"query_text": 1}}, "query_text"),
        ({"query": {"color": "red"}}, "color"),
        ({"query": {"run_as_mode": "NOBODY"}}, "run_as_mode"),
        ({"query": "SELECT 1"}, "query"),
    ):
        answer = http.post("/api/2.0/sql/queries", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
        assert named in answer.json()["message"]
