"""What went wrong with a statement, in Databricks' terms: a message, an SQLSTATE, an error condition."""

from __future__ import annotations

import re
from dataclasses import dataclass

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.errors.exceptions.captured import CapturedException

# Spark's general states: what is known of an error that names none.
UNKNOWN_STATE = "HY000"
_WORTHLESS = ("FAILED_EXECUTE_UDF", "FAILED_READ_FILE.NO_HINT", "TASK_WRITE_FAILED", "_LEGACY_ERROR_TEMP_")
_LABELLED = re.compile(r"\[[A-Z][A-Z0-9_.]+\]")


class SqlError(AnalysisException):  # type: ignore[misc]
    """A statement that the front end refuses or cannot carry out; reads as one of Spark's own errors.

    Parameters: ``condition`` (error condition), ``message`` (without label), ``state`` (SQLSTATE).
    """

    def __init__(self, condition: str, message: str, state: str) -> None:
        super().__init__(
            message=f"[{condition}] {message} SQLSTATE: {state}", errorClass=condition, messageParameters={}
        )
        self._state = state

    def getSqlState(self) -> str:
        return self._state

    def getMessage(self) -> str:
        return str(self._message)


class ResultTooLarge(Exception):
    """A result has more bytes than its client takes. The message is Databricks' own."""


@dataclass(frozen=True)
class Failure:
    """Why a statement failed. ``detail``: the Java or Python stack, for diagnostics."""

    message: str
    state: str = UNKNOWN_STATE
    condition: str | None = None
    detail: str | None = None


def told(error: Py4JJavaError) -> SqlError | None:
    """The error of Delta's in whose place PySpark fails, because Spark does not know its condition.

    Measured with pyspark 4.2.0 and Delta 4.4.1: DELTA_MERGE_UNRESOLVED_EXPRESSION becomes an INTERNAL_ERROR.
    """
    cause = error.__context__
    if "Cannot find main error class" not in str(error.java_exception) or not isinstance(cause, Py4JJavaError):
        return None
    said = _of_java(cause.java_exception, None)
    if said.condition is None:
        return None
    message = said.message.removeprefix(f"[{said.condition}]").partition(" SQLSTATE: ")[0].strip()
    return SqlError(said.condition, message, said.state)


def comes_of(error: CapturedException, text: str) -> bool:
    """Whether one of an error's causes says a text; the error itself may quote a plan that has it."""
    return any(text in _text(cause) for cause in _causes(error._origin)[1:])


def failure(error: BaseException) -> Failure:
    """What to tell a client of any exception that ended a statement."""
    if isinstance(error, CapturedException) and error._origin is not None:
        return _of_java(error._origin, error._stackTrace)
    if isinstance(error, CapturedException):
        return Failure(str(error._desc).strip(), detail=error._stackTrace)
    if isinstance(error, PySparkException):
        text = error.getMessage()
        return Failure(text, error.getSqlState() or UNKNOWN_STATE, error.getCondition(), text)
    if isinstance(error, Py4JJavaError):
        return _of_java(error.java_exception, str(error))
    # Py4JNetworkError is among the former; a JVM that was killed an instant ago refuses py4j's next connection.
    if isinstance(error, (Py4JError, ConnectionError)):
        text = "[ENGINE_LOST] The connection to the Spark engine was lost. SQLSTATE: 08S01"
        return Failure(text, "08S01", "ENGINE_LOST", repr(error))
    if isinstance(error, ResultTooLarge):
        return Failure(str(error), condition="RESULT_TOO_LARGE")
    return Failure(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _of_java(thrown: object, stack: str | None) -> Failure:
    """Look along the causes for the one that says what happened to the user's statement.

    Spark wraps: "Job aborted due to stage failure", TASK_WRITE_FAILED, a QueryExecutionException.
    """
    chain = _causes(thrown)
    named = [(cause, condition) for cause in chain if (condition := _ask(cause, "getCondition"))]
    telling = [(cause, c) for cause, c in named if not c.startswith(_WORTHLESS)] or named
    if telling:
        cause, condition = telling[0]
        message, state = _text(cause), _ask(cause, "getSqlState")
        # Databricks ends every message with the state; Delta's own do not.
        if state and "SQLSTATE: " not in message:
            message = f"{message.rstrip()} SQLSTATE: {state}"
        return Failure(message, state or UNKNOWN_STATE, condition, stack)
    # Task failures reach the driver as text only, labelled all the same.
    text = _text(chain[0])
    if label := _LABELLED.search(text):
        end = text.find("\n\tat ", label.start())
        message = text[label.start() : end if end > 0 else None].strip()
        said = re.search(r"SQLSTATE: (\w{5})", message)
        return Failure(message, said[1] if said else UNKNOWN_STATE, label.group()[1:-1], stack)
    return Failure(text, detail=stack)


def _causes(thrown: object) -> list[object]:
    chain: list[object] = []
    while thrown is not None and len(chain) < 20:
        chain.append(thrown)
        thrown = thrown.getCause()  # type: ignore[attr-defined]
    return chain


def _text(thrown: object) -> str:
    # AnalysisException.getMessage() ends with the logical plan; getSimpleMessage() ends with the line and position.
    text = _ask(thrown, "getSimpleMessage") or _ask(thrown, "getMessage")
    return (text or str(thrown.toString())).strip()  # type: ignore[attr-defined]


def _ask(thrown: object, method: str) -> str | None:
    """Call a method that only some Java exceptions have."""
    try:
        value = getattr(thrown, method)()
    except Py4JError:
        return None
    return None if value is None else str(value)
