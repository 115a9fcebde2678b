"""Request bodies of any size: written to disk as they arrive, moved to their place once they are whole."""

from __future__ import annotations

import base64
import binascii
import errno
import shutil
import uuid
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from harness.workspace.errors import InvalidParameter, MalformedRequest, TooLarge

# Bytes gathered before a thread is asked to write them.
CHUNK = 1024 * 1024


def decoded(text: str, field: str) -> bytes:
    """The bytes of a base64 field. Raises: ``InvalidParameter``."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter(f"{field} is not valid base64.") from None


def new_file(folder: Path) -> Path:
    """The path of a file that nobody else has, in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


async def receive(request: Request, folder: Path, most: int | None = None) -> Path:
    """Write a request's body to a new file, which is then the caller's to move or remove.

    Parameters: ``folder``; ``most``: bytes taken at most. Raises: ``TooLarge``, ``MalformedRequest`` when the client
    went away; then nothing is left.
    """
    path = await run_in_threadpool(new_file, folder)
    try:
        with path.open("wb") as file:
            size, waiting = 0, bytearray()
            async for chunk in request.stream():
                size += len(chunk)
                if most is not None and size > most:
                    raise TooLarge(f"The request body is larger than {most} bytes.")
                waiting += chunk
                if len(waiting) >= CHUNK:
                    await run_in_threadpool(file.write, bytes(waiting))
                    waiting.clear()
            file.write(waiting)
    except ClientDisconnect:
        path.unlink()
        raise MalformedRequest("The client went away before its request was read.") from None
    except BaseException:
        path.unlink()
        raise
    return path


def settle(whole: Path, target: Path) -> None:
    """Move a file to its place, in one step: nobody sees half of it. Folders on the way are made.

    Raises: ``FileExistsError``, ``NotADirectoryError`` when a file is where a folder must be; ``IsADirectoryError``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        whole.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{whole.name}.part")
        try:
            shutil.copyfile(whole, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
            whole.unlink()
