"""Thrift structs of statements and their rows, made from the SQL engine's records (wire.md §4.4, §4.5)."""

from __future__ import annotations

import time
from typing import Any

from databricks.sql.thrift_api.TCLIService import ttypes as T
from pyspark.sql import types as S

from harness.lake.sql.parameters import Parameter
from harness.lake.sql.records import Operation, State
from harness.lake.sql.results import FILE_BYTES, Result
from harness.lake.sql.types import Column
from harness.workspace.resultfiles import packed

OK = T.TStatus(T.TStatusCode.SUCCESS_STATUS)
# Results from here on are fetched by link: the client logs each inline answer in full, which doubles its time.
LINK_BYTES = 4 << 20
LINK_SECONDS = 3600

STATES = {
    State.PENDING: T.TOperationState.PENDING_STATE,
    State.RUNNING: T.TOperationState.RUNNING_STATE,
    State.SUCCEEDED: T.TOperationState.FINISHED_STATE,
    State.FAILED: T.TOperationState.ERROR_STATE,
    State.CANCELED: T.TOperationState.CANCELED_STATE,
    State.CLOSED: T.TOperationState.CLOSED_STATE,
}
TYPES = {
    S.BooleanType: T.TTypeId.BOOLEAN_TYPE,
    S.ByteType: T.TTypeId.TINYINT_TYPE,
    S.ShortType: T.TTypeId.SMALLINT_TYPE,
    S.IntegerType: T.TTypeId.INT_TYPE,
    S.LongType: T.TTypeId.BIGINT_TYPE,
    S.FloatType: T.TTypeId.FLOAT_TYPE,
    S.DoubleType: T.TTypeId.DOUBLE_TYPE,
    S.DecimalType: T.TTypeId.DECIMAL_TYPE,
    S.BinaryType: T.TTypeId.BINARY_TYPE,
    S.DateType: T.TTypeId.DATE_TYPE,
    S.TimestampType: T.TTypeId.TIMESTAMP_TYPE,
    S.TimestampNTZType: T.TTypeId.TIMESTAMP_TYPE,
    S.ArrayType: T.TTypeId.ARRAY_TYPE,
    S.MapType: T.TTypeId.MAP_TYPE,
    S.StructType: T.TTypeId.STRUCT_TYPE,
    S.YearMonthIntervalType: T.TTypeId.INTERVAL_YEAR_MONTH_TYPE,
    S.DayTimeIntervalType: T.TTypeId.INTERVAL_DAY_TIME_TYPE,
}


def handle(operation: Operation) -> Any:
    """``TOperationHandle``; its guid is what Airflow logs as the Databricks query id."""
    return T.TOperationHandle(T.THandleIdentifier(operation.id, operation.session.id), operation.delivery.kind, True)


def status(operation: Operation) -> Any:
    """``TGetOperationStatusResp``: success of the call, whatever came of the statement."""
    answer = T.TGetOperationStatusResp(
        OK, STATES[operation.state], operationStarted=int(operation.started * 1000), hasResultSet=bool(operation.result)
    )
    if operation.completed:
        answer.operationCompleted = int(operation.completed * 1000)
    if (why := operation.failure) is not None:
        answer.sqlState, answer.errorMessage, answer.displayMessage = why.state, why.message, why.message
        answer.diagnosticInfo = why.detail
    if operation.result is not None:
        answer.numModifiedRows = operation.result.modified
    return answer


def metadata(operation: Operation, result: Result) -> Any:
    """``TGetResultSetMetadataResp``."""
    linked = _linked(operation, result)
    return T.TGetResultSetMetadataResp(
        OK,
        T.TTableSchema([_column(column, position) for position, column in enumerate(result.columns, 1)]),
        resultFormat=T.TSparkRowSetType.URL_BASED_SET if linked else T.TSparkRowSetType.ARROW_BASED_SET,
        lz4Compressed=operation.delivery.compressed,
        arrowSchema=result.table.schema.serialize().to_pybytes(),
        isStagingOperation=result.staging,
    )


def rows(operation: Operation, result: Result, most_rows: int, most_bytes: int, links: str) -> Any:
    """``TFetchResultsResp`` with the next rows: inline, or all that are left as links below ``links``."""
    count = len(result.columns)
    if _linked(operation, result):
        start, operation.offset = operation.offset, result.table.num_rows
        files = T.TRowSet(start, [], resultLinks=_links(operation, result, start, links), columnCount=count)
        return T.TFetchResultsResp(OK, False, files)
    start, table, more = operation.page(most_rows, most_bytes)
    pack = packed if operation.delivery.compressed else bytes
    batches = [
        T.TSparkArrowBatch(pack(batch.serialize().to_pybytes()), batch.num_rows)
        for batch in table.to_batches()
        if batch.num_rows
    ]
    return T.TFetchResultsResp(OK, more, T.TRowSet(start, [], arrowBatches=batches, columnCount=count))


def parameter(sent: Any) -> Parameter:
    """A ``TSparkParameter``."""
    text = sent.value.stringValue if sent.value else None
    return Parameter(sent.name, sent.type or "STRING", text, [_member(member) for member in sent.arguments or ()])


def _member(sent: Any) -> Parameter:
    """A ``TSparkParameterValueArg``: an item of an array, a key or value of a map."""
    return Parameter(None, sent.type or "STRING", sent.value, [_member(member) for member in sent.arguments or ()])


def _links(operation: Operation, result: Result, start: int, links: str) -> list[Any]:
    """All files of the rest at once: the client fetches them side by side."""
    total, size, expiry = result.table.num_rows, result.rows_per(FILE_BYTES), int(time.time()) + LINK_SECONDS
    name = f"{links}/{operation.id.hex()}"
    return [
        T.TSparkArrowResultLink(f"{name}/{row // size}", expiry, row, min(size, total - row), 0, {})
        for row in range(start - start % size, total, size)
    ]


def _linked(operation: Operation, result: Result) -> bool:
    return operation.delivery.linked and result.size >= LINK_BYTES


def _column(column: Column, position: int) -> Any:
    entry = T.TPrimitiveTypeEntry(TYPES.get(type(column.type), T.TTypeId.STRING_TYPE))
    if isinstance(column.type, S.DecimalType):
        sizes = {"precision": column.type.precision, "scale": column.type.scale}
        entry.typeQualifiers = T.TTypeQualifiers({k: T.TTypeQualifierValue(i32Value=v) for k, v in sizes.items()})
    return T.TColumnDesc(column.name, T.TTypeDesc([T.TTypeEntry(primitiveEntry=entry)]), position, "")
