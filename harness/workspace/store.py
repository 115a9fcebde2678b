"""Records that survive ``kill -9``: JSON documents in one SQLite file.

A document has a kind (``job``, ``table``, …) and an id; ids sort as text. The lock is held for one statement or one
read-change-write, never while something else is done.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT, id TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Taken(KeyError):
    """A document of that kind and id exists already."""


class Store:
    """The records of one workspace. Parameters: ``path`` (the SQLite file; its folder is made)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        # Secrets are among the records; the files that SQLite puts beside this one are as private as it.
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # WAL with NORMAL loses nothing when the process dies; only a power cut may lose the last commits.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    def get(self, kind: str, id: object) -> Document | None:
        """The document, or ``None``."""
        with self._lock:
            return self._get(kind, str(id))

    def all(self, kind: str, prefix: str = "") -> list[Document]:
        """Every document of a kind whose id starts with ``prefix``, by id."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT json FROM documents WHERE kind = ? AND substr(id, 1, ?) = ? ORDER BY id",
                (kind, len(prefix), prefix),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def put(self, kind: str, id: object, document: Document) -> None:
        """Write a document, new or not."""
        with self._lock:
            self._put(kind, str(id), document)

    def insert(self, kind: str, id: object, document: Document) -> None:
        """Write a new document. Raises: ``Taken``."""
        with self._lock:
            try:
                self._connection.execute(
                    "INSERT INTO documents VALUES (?, ?, ?)", (kind, str(id), json.dumps(document))
                )
            except sqlite3.IntegrityError:
                raise Taken(id) from None

    def update(self, kind: str, id: object, change: Callable[[Document], Document]) -> Document | None:
        """Replace a document by ``change(document)``, as one step. Returns: the new one, or ``None``."""
        with self._lock:
            document = self._get(kind, str(id))
            if document is None:
                return None
            changed = change(document)
            self._put(kind, str(id), changed)
            return changed

    def rename(self, kind: str, id: object, new_id: object, change: Callable[[Document], Document]) -> Document | None:
        """Move a document to a new id, changed. Returns: the new one, or ``None``. Raises: ``Taken``."""
        with self._lock:
            document = self._get(kind, str(id))
            if document is None:
                return None
            changed = change(document)
            self._connection.execute("BEGIN")
            try:
                self._connection.execute(
                    "INSERT INTO documents VALUES (?, ?, ?)", (kind, str(new_id), json.dumps(changed))
                )
            except sqlite3.IntegrityError:
                self._connection.execute("ROLLBACK")
                raise Taken(new_id) from None
            self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, str(id)))
            self._connection.execute("COMMIT")
            return changed

    def delete(self, kind: str, id: object) -> Document | None:
        """Take a document away. Returns: what it was, or ``None``."""
        with self._lock:
            document = self._get(kind, str(id))
            self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, str(id)))
            return document

    def clear(self) -> None:
        """Take every document away. Sequences go on: an id is never given twice."""
        with self._lock:
            self._connection.execute("DELETE FROM documents")

    def backup(self, path: Path) -> None:
        """Write all records into a new SQLite file, as private as ours."""
        path.touch(mode=0o600)
        target = sqlite3.connect(path)
        try:
            with self._lock:
                self._connection.backup(target)
        finally:
            target.close()

    def replace(self, path: Path, rewrite: Callable[[str], str]) -> None:
        """Replace every document by those of a :meth:`backup`. Sequences only grow: an id is never given twice.

        Parameters: ``rewrite``: makes a document's JSON text here of what it is there.
        """
        source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            documents = source.execute("SELECT kind, id, json FROM documents").fetchall()
            sequences = source.execute("SELECT name, value FROM sequences").fetchall()
        finally:
            source.close()
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                self._connection.execute("DELETE FROM documents")
                self._connection.executemany(
                    "INSERT INTO documents VALUES (?, ?, ?)", [(k, i, rewrite(text)) for k, i, text in documents]
                )
                self._connection.executemany(
                    "INSERT INTO sequences VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                    [row for row in sequences if row[0] != "generation"],
                )
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def next(self, sequence: str, count: int = 1) -> int:
        """The next number of a sequence, from 1; with ``count``, the first of that many reserved in a row."""
        with self._lock:
            row = self._connection.execute(
                "INSERT INTO sequences VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = value + ? RETURNING value",
                (sequence, count, count),
            ).fetchone()
        return int(row[0]) - count + 1

    def last(self, sequence: str) -> int:
        """The last number given by a sequence; 0 if none was."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM sequences WHERE name = ?", (sequence,)).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _get(self, kind: str, id: str) -> Document | None:
        row = self._connection.execute("SELECT json FROM documents WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        document: Document | None = json.loads(row[0]) if row else None
        return document

    def _put(self, kind: str, id: str, document: Document) -> None:
        self._connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, id, json.dumps(document)))
