"""Errors that know their wire form, and the one handler that writes it: ``{"error_code": …, "message": …}``.

Codes and statuses are those that clients map to exception classes (databricks/sdk/errors/platform.py).
"""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from harness.workspace import knownapis

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer other than success. ``message`` is what the user reads; ``error_code`` overrides the class's own."""

    status = 500
    error_code = "INTERNAL_ERROR"

    def __init__(self, message: str, *, error_code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code or type(self).error_code

    def document(self) -> dict[str, object]:
        """The body of the answer."""
        return {"error_code": self.error_code, "message": self.message}


class InvalidParameter(ApiError):
    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class MalformedRequest(ApiError):
    status = 400
    error_code = "MALFORMED_REQUEST"


class TooLarge(ApiError):
    status = 413
    error_code = "MALFORMED_REQUEST"


class InvalidState(ApiError):
    status = 400
    error_code = "INVALID_STATE"


class AlreadyExists(ApiError):
    """Workspace objects answer 400 (docs: api/workspace/workspace/import); Unity Catalog answers :class:`Conflict`."""

    status = 400
    error_code = "RESOURCE_ALREADY_EXISTS"


class LimitExceeded(ApiError):
    status = 400
    error_code = "RESOURCE_LIMIT_EXCEEDED"


class Unauthenticated(ApiError):
    status = 401
    error_code = "UNAUTHENTICATED"


class PermissionDenied(ApiError):
    status = 403
    error_code = "PERMISSION_DENIED"


class NotFound(ApiError):
    status = 404
    error_code = "RESOURCE_DOES_NOT_EXIST"


class Conflict(ApiError):
    status = 409
    error_code = "RESOURCE_CONFLICT"


class NotServed(ApiError):
    """A path, method or field that Databricks has and this workspace has not."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


def answer(error: ApiError) -> JSONResponse:
    """The wire form of an error.

    The SQL connector reads no body; it shows the header ``x-databricks-reason-phrase`` (wire.md §4.1).
    """
    # What users named stands in messages: a header takes no line end or control character, and Latin-1 only.
    phrase = (
        "".join(c if c.isprintable() else " " for c in error.message).encode("latin-1", "replace").decode("latin-1")
    )
    return JSONResponse(
        error.document(),
        error.status,
        headers={"x-databricks-reason-phrase": phrase[:1000]},
    )


def handle_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return answer(error)


def handle_unrouted(request: Request, error: Exception) -> Response:
    """No route, or not this method: refuse by name, and keep it for ``/_harness/unserved``.

    Elsewhere the answer is 404: the SQL connector takes 405 and 501 badly (wire.md §0.4).
    """
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code not in (404, 405):
        return answer(ApiError(str(error.detail)))
    names = knownapis.names(request.method, path)
    if not names and not path.startswith(("/api/", "/oidc/")):
        return answer(NotFound(f"No such path: {request.method} {path}", error_code="ENDPOINT_NOT_FOUND"))
    request.scope["harness.unserved"] = True
    asked = f"{request.method} {path}" + (f" ({', '.join(names)})" if names else "")
    return answer(
        NotServed(
            f"{asked} is not served by the local workspace. GET /_harness/unserved lists what was asked for in vain, "
            "docs/capabilities.md what is served; docs/adding-an-endpoint.md shows how to add it."
        )
    )


def handle_crash(request: Request, error: Exception) -> Response:
    """A fault of ours: say so, with the exception's name; the traceback goes to the log."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(ApiError(f"The local workspace failed: {type(error).__name__}: {error}"))
