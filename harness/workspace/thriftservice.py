"""The Hive protocol as Databricks' SQL connector speaks it (``TCLIService``), on the SQL engine.

Field by field: sql-endpoint.md §1 and wire.md §4. Two rules decide most of it. The client polls without sleeping and
keeps a lock meanwhile, so polls are held here, but no longer than a cancel may wait. And ``status`` is SUCCESS even
when the statement failed: the failure goes into the operation's state, else the user loses the error's type.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from databricks.sql.thrift_api.TCLIService import TCLIService
from databricks.sql.thrift_api.TCLIService import ttypes as T
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TProtocol import TProtocolException
from thrift.transport.TTransport import TMemoryBuffer, TTransportException

from harness.lake.sql import metadata
from harness.lake.sql.failures import failure
from harness.lake.sql.history import parse_tags
from harness.lake.sql.operations import SqlEngine, Work
from harness.lake.sql.records import Delivery, Operation, State
from harness.lake.sql.results import Limits, Result
from harness.lake.sql.sessions import Session, SessionLost
from harness.lake.sql.staging import Presign
from harness.lake.sql.types import Native
from harness.workspace import thriftcodec as codec

log = logging.getLogger(__name__)

VERSION = T.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
# How long a status poll and an execute are held. The client's cancel() waits for the same lock: measured 0.33 s median
# with these, 9 s with Hive's own five seconds.
POLL_SECONDS = 0.25
EXECUTE_SECONDS = 0.5


# The warehouse's id, the URL that result files are served below, the client's User-Agent, its user, how files are
# presigned.
Door = tuple[str, str, str, str, Presign]


class Malformed(Exception):
    """The body is no Thrift message."""


class Refused(Exception):
    """A call is answered with a status other than success."""

    def __init__(self, message: str, state: str = "HY000", code: int = T.TStatusCode.ERROR_STATUS) -> None:
        super().__init__(message)
        self.status = T.TStatus(code, sqlState=state, errorMessage=message)


def process(sql: SqlEngine, door: Door, body: bytes) -> bytes:
    """Answer one call.

    Parameters: ``door``, where it came in; ``body``, one TBinaryProtocol message.
    Returns: the reply message. Raises: ``Malformed``.
    """
    # Thrift 0.25 caps strings at 15.6 MiB by default; statements may be longer.
    read = TBinaryProtocol(TMemoryBuffer(body), string_length_limit=None, container_length_limit=None)
    written = TMemoryBuffer()
    try:
        TCLIService.Processor(Service(sql, *door)).process(read, TBinaryProtocol(written))
    except (TProtocolException, TTransportException, EOFError, UnicodeDecodeError) as error:
        raise Malformed(str(error) or type(error).__name__) from None
    return bytes(written.getvalue())


def rpc(response: type[Any]) -> Callable[[Callable[[Service, Any], Any]], Callable[[Service, Any], Any]]:
    """A call's handler, whose exceptions become a status of ``response``: nothing here may turn into a 5xx."""

    def wrap(handle: Callable[[Service, Any], Any]) -> Callable[[Service, Any], Any]:
        @functools.wraps(handle)
        def call(self: Service, request: Any) -> Any:
            try:
                return handle(self, request)
            except Refused as refused:
                status = refused.status
            except Exception as error:
                log.exception("%s failed", handle.__name__)
                why = failure(error)
                status = Refused(why.message, why.state).status
            # Without a version the client fails on that, and hides the message.
            version = {"serverProtocolVersion": VERSION} if response is T.TOpenSessionResp else {}
            return response(status=status, **version)

        return call

    return wrap


class Service(TCLIService.Iface):  # type: ignore[misc]
    """The calls the connector makes; it makes no others."""

    def __init__(self, sql: SqlEngine, warehouse: str, links: str, client: str, user: str, presign: Presign) -> None:
        self.sql = sql
        self.warehouse = warehouse
        self.links = links
        self.client = client
        self.user = user
        self.presign = presign

    # -- sessions -------------------------------------------------------------------------------

    @rpc(T.TOpenSessionResp)
    def OpenSession(self, request: Any) -> Any:
        place = request.initialNamespace
        catalog, schema = (place.catalogName, place.schemaName) if place else (None, None)
        session = self.sql.open(
            *(self.warehouse, catalog or None, schema or None, request.configuration),
            client=self.client,
            user=self.user,
        )
        if (why := self.sql.connect(session)) is not None:
            self.sql.close(session.id)
            raise Refused(why.message, why.state)
        version = min(VERSION, request.client_protocol_i64 or VERSION)
        handle = T.TSessionHandle(T.THandleIdentifier(session.id, session.id), version)
        return T.TOpenSessionResp(
            codec.OK, version, handle, configuration={}, initialNamespace=place, canUseMultipleCatalogs=True
        )

    @rpc(T.TCloseSessionResp)
    def CloseSession(self, request: Any) -> Any:
        self.sql.close(self._session(request).id)
        return T.TCloseSessionResp(codec.OK)

    # -- statements -----------------------------------------------------------------------------

    @rpc(T.TExecuteStatementResp)
    def ExecuteStatement(self, request: Any) -> Any:
        types = request.useArrowNativeTypes
        native = Native(types.timestampAsArrow, types.decimalAsArrow, types.complexTypesAsArrow) if types else Native()
        operation = self.sql.submit(
            self._session(request),
            request.statement,
            parameters=[codec.parameter(sent) for sent in request.parameters or ()],
            native=native,
            limits=Limits(rows=request.resultRowLimit or None),
            timeout=request.queryTimeout or None,
            delivery=Delivery(
                compressed=bool(request.canDecompressLZ4Result),
                linked=bool(request.canDownloadResult),
                # Without direct results the client is an asynchronous one, which sleeps between its polls.
                patient=request.getDirectResults is not None,
                presign=self.presign,
            ),
            tags=parse_tags((request.confOverlay or {}).get("query_tags", "")),
        )
        return T.TExecuteStatementResp(
            codec.OK, codec.handle(operation), self._direct(operation, request.getDirectResults)
        )

    @rpc(T.TGetOperationStatusResp)
    def GetOperationStatus(self, request: Any) -> Any:
        operation = self._operation(request)
        operation.wait(POLL_SECONDS if operation.delivery.patient else 0)
        return codec.status(operation)

    @rpc(T.TGetResultSetMetadataResp)
    def GetResultSetMetadata(self, request: Any) -> Any:
        return codec.metadata(*self._finished(request))

    @rpc(T.TFetchResultsResp)
    def FetchResults(self, request: Any) -> Any:
        operation, result = self._finished(request)
        if request.orientation == T.TFetchOrientation.FETCH_FIRST:
            operation.offset = 0
        rows = codec.rows(operation, result, request.maxRows, request.maxBytes, self.links)
        rows.resultSetMetadata = codec.metadata(operation, result) if request.includeResultSetMetadata else None
        return rows

    @rpc(T.TCancelOperationResp)
    def CancelOperation(self, request: Any) -> Any:
        self.sql.cancel(self._operation(request))
        return T.TCancelOperationResp(codec.OK)

    @rpc(T.TCloseOperationResp)
    def CloseOperation(self, request: Any) -> Any:
        operation = self.sql.operation(request.operationHandle.operationId.guid)
        if operation is not None:
            self.sql.forget(operation)
        return T.TCloseOperationResp(codec.OK)

    # -- metadata -------------------------------------------------------------------------------

    @rpc(T.TGetCatalogsResp)
    def GetCatalogs(self, r: Any) -> Any:
        return self._listing(T.TGetCatalogsResp, r, T.TOperationType.GET_CATALOGS, metadata.catalogs)

    @rpc(T.TGetSchemasResp)
    def GetSchemas(self, r: Any) -> Any:
        work = functools.partial(metadata.schemas, catalog=r.catalogName, schema=r.schemaName)
        return self._listing(T.TGetSchemasResp, r, T.TOperationType.GET_SCHEMAS, work)

    @rpc(T.TGetTablesResp)
    def GetTables(self, r: Any) -> Any:
        place = {"catalog": r.catalogName, "schema": r.schemaName, "table": r.tableName}
        work = functools.partial(metadata.tables, **place, kinds=r.tableTypes)
        return self._listing(T.TGetTablesResp, r, T.TOperationType.GET_TABLES, work)

    @rpc(T.TGetColumnsResp)
    def GetColumns(self, r: Any) -> Any:
        place = {"catalog": r.catalogName, "schema": r.schemaName, "table": r.tableName}
        work = functools.partial(metadata.columns, **place, column=r.columnName)
        return self._listing(T.TGetColumnsResp, r, T.TOperationType.GET_COLUMNS, work)

    def _listing(self, response: type[Any], request: Any, kind: int, work: Work) -> Any:
        name = T.TOperationType._VALUES_TO_NAMES[kind]
        operation = self.sql.submit(self._session(request), name, work=work, delivery=Delivery(kind=kind))
        operation.wait()
        return response(codec.OK, codec.handle(operation), self._direct(operation, request.getDirectResults))

    # -- what handles stand for -----------------------------------------------------------------

    def _session(self, request: Any) -> Session:
        guid = request.sessionHandle.sessionId.guid
        try:
            session = self.sql.session(guid)
            why = "" if session.warehouse == self.warehouse else f"it belongs to {session.warehouse}"
        except SessionLost as lost:
            why = lost.failure.message
        if why:
            # The client's close() looks for "Invalid SessionHandle".
            text = f"Invalid SessionHandle: SessionHandle [{guid.hex()}]: {why}"
            raise Refused(text, code=T.TStatusCode.INVALID_HANDLE_STATUS)
        return session

    def _operation(self, request: Any) -> Operation:
        guid = request.operationHandle.operationId.guid
        operation = self.sql.operation(guid)
        if operation is None:
            text = f"Invalid OperationHandle: OperationHandle [{guid.hex()}]"
            raise Refused(text, code=T.TStatusCode.INVALID_HANDLE_STATUS)
        return operation

    def _finished(self, request: Any) -> tuple[Operation, Result]:
        operation = self._operation(request)
        if operation.failure is not None:
            raise Refused(operation.failure.message, operation.failure.state)
        if operation.state is not State.SUCCEEDED or operation.result is None:
            raise Refused(f"The statement is {operation.state}; it has no rows to fetch.", "HY008")
        return operation, operation.result

    def _direct(self, operation: Operation, wanted: Any) -> Any:
        """What is known within half a second goes out with the answer; all rows there, the statement is closed too."""
        if wanted is None:
            return None
        operation.wait(EXECUTE_SECONDS)
        direct = T.TSparkDirectResults(operationStatus=codec.status(operation))
        if operation.state is State.SUCCEEDED and operation.result is not None:
            direct.resultSetMetadata = codec.metadata(operation, operation.result)
            direct.resultSet = codec.rows(operation, operation.result, wanted.maxRows, wanted.maxBytes, self.links)
            if not direct.resultSet.hasMoreRows and not direct.resultSet.results.resultLinks:
                self.sql.forget(operation)
                direct.closeOperation = T.TCloseOperationResp(codec.OK)
        return direct
