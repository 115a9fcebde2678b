"""Exporting workspace objects: ``/api/2.0/workspace/export``."""

from __future__ import annotations

import base64
import io
import json
import urllib.parse
import zipfile
from pathlib import Path

from starlette.responses import Response

from harness.kernel.convert import CannotConvert, to_jupyter, to_source
from harness.kernel.source import NotNotebook
from harness.kernel.source import read as read_notebook
from harness.lake.paths import WorkspacePaths
from harness.workspace.errors import InvalidParameter
from harness.workspace.files import children, given_path, lookup
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

# docs: api/workspace/workspace/export, "MAX_NOTEBOOK_SIZE_EXCEEDED".
EXPORT_LIMIT = 10 * 1024 * 1024
FORMATS = ("SOURCE", "JUPYTER", "AUTO", "RAW")
UNSERVED = ("HTML", "DBC", "R_MARKDOWN")


def notebook_as(local: Path, kind: str) -> tuple[bytes, str]:
    """A notebook in a format. Returns: its content, and the suffix of its file.

    Raises: ``InvalidParameter`` for a notebook that cannot be converted.
    """
    own = "JUPYTER" if local.suffix == ".ipynb" else "SOURCE"
    if kind in ("AUTO", "RAW", own):
        return local.read_bytes(), local.suffix
    try:
        notebook = read_notebook(local)
        if kind == "JUPYTER":
            return json.dumps(to_jupyter(notebook), indent=1, ensure_ascii=False).encode() + b"\n", ".ipynb"
        text, suffix = to_source(notebook)
        return text.encode(), suffix
    except (NotNotebook, CannotConvert) as error:
        raise InvalidParameter(f"The notebook cannot be exported as {kind}: {error}") from None


def archive(paths: WorkspacePaths, path: str, folder: Path, kind: str) -> bytes:
    """A folder as a zip of its notebooks, with AUTO of its files too. Raises: ``InvalidParameter`` when too large."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        waiting = [(path, folder)]
        while waiting:
            parent, local = waiting.pop()
            for child in children(paths, parent, local):
                found, notebook = lookup(paths, child["path"])
                name = child["path"].removeprefix(path).lstrip("/")
                if child["object_type"] == "DIRECTORY":
                    waiting.append((child["path"], found))
                elif notebook:
                    content, suffix = notebook_as(found, kind)
                    file.writestr(name.removesuffix(suffix) + suffix, content)
                elif kind == "AUTO":
                    file.write(found, name)
                limited(path, packed.tell())
    return packed.getvalue()


def limited(path: str, size: int) -> None:
    """Raises: ``InvalidParameter`` for more than an export may hold."""
    if size > EXPORT_LIMIT:
        message = f"The content of {path} exceeds the limit of {EXPORT_LIMIT} bytes."
        raise InvalidParameter(message, error_code="MAX_NOTEBOOK_SIZE_EXCEEDED")


def exported(paths: WorkspacePaths, path: str, kind: str) -> tuple[bytes, str]:
    """An object in a format. Returns: its content, and the name of its file.

    Raises: ``InvalidParameter`` for a format that is not served, or that the object has not; ``NotFound``.
    """
    if kind in UNSERVED:
        raise InvalidParameter(f"Exporting as {kind} is not served by the local workspace; use {', '.join(FORMATS)}.")
    if kind not in FORMATS:
        raise InvalidParameter(f"The format {kind} is not known; known are {', '.join((*FORMATS, *UNSERVED))}.")
    local, notebook = lookup(paths, path)
    if local.is_dir() or not local.exists():
        if kind not in ("SOURCE", "AUTO"):
            raise InvalidParameter(f"Path ({path}) is a folder: folders are exported as SOURCE or AUTO.")
        return archive(paths, path, local, kind), f"{path.rpartition('/')[2]}.zip"
    if notebook:
        content, suffix = notebook_as(local, kind)
        name = local.stem + suffix
    elif kind == "JUPYTER":
        raise InvalidParameter(f"Path ({path}) is a file, not a notebook: files are exported as AUTO, RAW or SOURCE.")
    else:
        limited(path, local.stat().st_size)
        content, name = local.read_bytes(), local.name
    limited(path, len(content))
    return content, name


def export(call: Call) -> Document | Response:
    path, kind = given_path(call), call.text("format", "SOURCE").upper()
    content, name = exported(call.workspace.paths, path, kind)
    if call.flag("direct_download"):
        disposition = {"content-disposition": f"attachment; filename*=UTF-8''{urllib.parse.quote(name)}"}
        return Response(content, media_type="application/octet-stream", headers=disposition)
    return {"content": base64.b64encode(content).decode(), "file_type": Path(name).suffix.removeprefix(".")}


routes = [*api("GET", "2.0/workspace/export", export)]
