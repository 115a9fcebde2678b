"""User-defined functions: made and read by the SDK and by SQL, called from everywhere."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceConflict
from databricks.sdk.service.catalog import (
    ColumnTypeName,
    CreateFunction,
    CreateFunctionParameterStyle,
    CreateFunctionRoutineBody,
    CreateFunctionSecurityType,
    CreateFunctionSqlDataAccess,
    FunctionParameterInfo,
    FunctionParameterInfos,
    PermissionsChange,
    Privilege,
)

UC = "/api/2.1/unity-catalog"


def info(name: str, **changes: Any) -> CreateFunction:
    """A function that adds one, as the SDK's users describe it."""
    parameter = FunctionParameterInfo(name="x", type_text="int", type_name=ColumnTypeName.INT, position=0)
    fields: dict[str, Any] = {
        "name": name,
        "catalog_name": "main",
        "schema_name": "default",
        "input_params": FunctionParameterInfos([parameter]),
        "data_type": ColumnTypeName.INT,
        "full_data_type": "INT",
        "routine_body": CreateFunctionRoutineBody.SQL,
        "routine_definition": "x + 1",
        "parameter_style": CreateFunctionParameterStyle.S,
        "is_deterministic": True,
        "sql_data_access": CreateFunctionSqlDataAccess.CONTAINS_SQL,
        "is_null_call": False,
        "security_type": CreateFunctionSecurityType.DEFINER,
        "specific_name": name,
        **changes,
    }
    return CreateFunction(**fields)


def test_a_function_is_made_read_listed_changed_and_deleted(w: WorkspaceClient) -> None:
    made = w.functions.create(info("AddOne", comment="adds"))
    assert (made.full_name, made.owner, made.comment) == ("main.default.addone", "me@example.com", "adds")
    read = w.functions.get("MAIN.default.AddOne")
    assert read == made
    assert read.input_params is not None
    assert [(p.name, p.type_text, p.position) for p in read.input_params.parameters or []] == [("x", "int", 0)]
    w.functions.create(info("other"))
    assert [f.name for f in w.functions.list("main", "default")] == ["addone", "other"]
    assert [f.name for f in w.functions.list("main", "default", max_results=1)] == ["addone", "other"]
    assert w.functions.update("main.default.addone", owner="team").owner == "team"
    change = PermissionsChange(principal="readers", add=[Privilege.EXECUTE])
    w.grants.update("FUNCTION", "main.default.addone", changes=[change])
    with pytest.raises(ResourceConflict, match="already exists"):
        w.functions.create(info("addone"))
    w.functions.delete("main.default.addone")
    w.functions.delete("main.default.other", force=True)
    with pytest.raises(NotFound, match=r"Function 'main.default.addone' does not exist"):
        w.functions.get("main.default.addone")


def test_a_schema_with_a_function_is_not_empty(w: WorkspaceClient) -> None:
    w.schemas.create("full", "main")
    w.functions.create(info("f", schema_name="full"))
    with pytest.raises(BadRequest, match="not empty"):
        w.schemas.delete("main.full")
    w.schemas.delete("main.full", force=True)
    w.schemas.create("full", "main")
    assert list(w.functions.list("main", "full")) == []
    w.schemas.delete("main.full")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "not a valid function name"),
        ({"name": "a.b"}, "not a valid function name"),
        ({"name": None}, "Missing required field: name"),
        ({"routine_definition": None}, "Missing required field: routine_definition"),
        ({"routine_definition": 1}, "Expected routine_definition to be a string"),
        ({"data_type": "NUMBER"}, "data_type NUMBER must be one of"),
        ({"routine_body": "C"}, "routine_body C must be one of SQL, EXTERNAL"),
        ({"routine_body": "EXTERNAL"}, r"external_language \(none\) is not served"),
        ({"routine_body": "EXTERNAL", "external_language": "Scala"}, "external_language Scala is not served"),
        ({"input_params": []}, "Expected input_params.parameters to be a list"),
        ({"input_params": {"parameters": [{"name": "x"}]}}, "each with a name and a type_text"),
        ({"is_deterministic": "perhaps"}, "Expected is_deterministic to be a boolean"),
    ],
)
def test_a_function_that_is_described_wrongly_is_refused(
    http: httpx2.Client, changes: dict[str, Any], says: str
) -> None:
    answer = http.post(f"{UC}/functions", json={"function_info": {**info("wrong").as_dict(), **changes}})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert re.search(says, answer.json()["message"])


def test_a_function_needs_a_description_and_a_schema(http: httpx2.Client) -> None:
    answer = http.post(f"{UC}/functions", json=info("flat").as_dict())
    assert answer.json()["message"] == "Missing required field: function_info"
    for changes, code in (({"catalog_name": "no"}, "CATALOG"), ({"schema_name": "no"}, "SCHEMA")):
        answer = http.post(f"{UC}/functions", json={"function_info": {**info("lost").as_dict(), **changes}})
        assert (answer.status_code, answer.json()["error_code"]) == (404, f"{code}_DOES_NOT_EXIST")
    assert http.get(f"{UC}/functions/main.default.f", params={}).json()["error_code"] == "FUNCTION_DOES_NOT_EXIST"
    assert http.get(f"{UC}/functions/f").json()["error_code"] == "INVALID_PARAMETER_VALUE"
    listed = http.get(f"{UC}/functions", params={"catalog_name": "main", "schema_name": "default", "max_results": -1})
    assert listed.status_code == 400
