"""Credentials for engines outside: ``/api/2.0/unity-catalog/temporary-{table,path,volume}-credentials``.

STS gives them, for the S3 server. Source: docs.databricks.com, "Unity Catalog credential vending for external systems".
"""

from __future__ import annotations

from databricks.sdk.service.catalog import PathOperation, TableOperation, VolumeOperation

from harness.lake.s3 import S3Endpoint
from harness.workspace import cloudstorage, externallocations, storagecredentials
from harness.workspace.cloudstorage import Place
from harness.workspace.errors import InvalidParameter, NotFound, NotServed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api


def of_table(call: Call) -> Document:
    """For the files of a table. Raises: ``NotFound``, ``InvalidParameter``, ``NotServed`` for a table on this disk."""
    _one_of(call, "operation", [each.value for each in TableOperation])
    table = _by_id(call, "table")
    if table["table_type"] not in ("MANAGED", "EXTERNAL") or table.get("row_filter") or table.get("column_masks"):
        raise InvalidParameter(
            f"Table '{table['full_name']}' cannot be read by its files: it has filters, or is a view."
        )
    return _given(call, table["storage_location"], table["full_name"])


def of_volume(call: Call) -> Document:
    """For the files of a volume. Raises: as :func:`of_table`."""
    _one_of(call, "operation", [each.value for each in VolumeOperation])
    volume = _by_id(call, "volume")
    return _given(call, volume["storage_location"], volume["full_name"])


def of_path(call: Call) -> Document:
    """For a URL in an external location. Raises: ``InvalidParameter``, ``NotFound`` where no location holds it."""
    _one_of(call, "operation", [each.value for each in PathOperation])
    url = call.text("url")
    Place.of(url)
    if externallocations.over(call.workspace, url) is None:
        raise NotFound(f"No external location holds the path '{url}'.", error_code="EXTERNAL_LOCATION_DOES_NOT_EXIST")
    return {} if call.flag("dry_run") else _given(call, url, url)


def _given(call: Call, url: str, what: str) -> Document:
    workspace = call.workspace
    try:
        place = Place.of(url)
    except InvalidParameter:
        raise NotServed(
            f"{what} rests at {url}, on this machine's disk: read it there. Only what rests on S3 needs credentials."
        ) from None
    location = externallocations.over(workspace, place.url)
    credential = storagecredentials.get(workspace, location["credential_name"]) if location else {}
    role = storagecredentials.role(credential, workspace)
    given, end = cloudstorage.credentials(S3Endpoint(**workspace.config.s3), role)
    return {"aws_temp_credentials": given, "expiration_time": end, "url": url}


def _by_id(call: Call, kind: str) -> Document:
    wanted = call.text(f"{kind}_id")
    found = next((each for each in call.workspace.store.all(kind) if each[f"{kind}_id"] == wanted), None)
    if found is None:
        what = kind.capitalize()
        raise NotFound(f"{what} '{wanted}' does not exist.", error_code=f"{kind.upper()}_DOES_NOT_EXIST")
    return found


def _one_of(call: Call, field: str, values: list[str]) -> None:
    if call.text(field) not in values:
        raise InvalidParameter(f"Invalid {field}: {call.text(field)}. It is one of {', '.join(values)}.")


UC = "2.0/unity-catalog"
routes = [
    *api("POST", f"{UC}/temporary-table-credentials", of_table),
    *api("POST", f"{UC}/temporary-path-credentials", of_path),
    *api("POST", f"{UC}/temporary-volume-credentials", of_volume),
]
