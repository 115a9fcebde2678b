"""What was run: the last statements of every door, without their rows and without secrets."""

from __future__ import annotations

import itertools
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.lake.sql.records import Operation, State
from harness.lake.sql.redact import redacted

KEPT = 2000
# docs: "Use query tags"; a sequence in excess of 20 is cut (api/workspace/statementexecution).
MOST_TAGS = 20

Tags = Mapping[str, str | None]


@dataclass(eq=False)
class Entry:
    """One statement. ``number`` grows with each. ``operation``: its live record, until it ends; then what came of it.

    ``client``: who sent it, as its User-Agent says. Times are epoch seconds; ``begun`` is when it left the queue.
    """

    number: int
    id: bytes
    session: bytes
    warehouse: str
    text: str
    client: str
    tags: Tags
    submitted: float
    operation: Operation | None
    ended_as: State | None = None
    begun: float | None = None
    ended: float | None = None
    message: str | None = None
    rows: int | None = None

    @property
    def state(self) -> State:
        operation = self.operation
        return self.ended_as or (operation.state if operation is not None else State.PENDING)

    def settle(self, operation: Operation) -> None:
        """Keep what came of the statement, and let its record, its session and its rows go."""
        if operation.failure is not None:
            # An error may quote the statement.
            self.message = redacted(operation.failure.message)
        if operation.result is not None:
            self.rows = operation.result.table.num_rows
        self.begun, self.ended, self.ended_as = operation.begun, operation.completed, operation.state
        self.operation = None


class History:
    """The last statements, bounded."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, operation: Operation, tags: Tags) -> Entry:
        """Take up a statement that has just been submitted; its end is noted when it comes."""
        session = operation.session
        entry = Entry(
            number=next(self._numbers),
            id=operation.id,
            session=session.id,
            warehouse=session.warehouse,
            text=redacted(operation.statement),
            client=session.client,
            tags=tags,
            submitted=operation.started,
            operation=operation,
        )
        with self._lock:
            self._entries.append(entry)
        operation.done.add_done_callback(lambda _: entry.settle(operation))
        return entry

    def newest_first(self) -> list[Entry]:
        """Every statement kept."""
        with self._lock:
            return list(reversed(self._entries))

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()


def parse_tags(text: str) -> dict[str, str | None]:
    r"""Query tags as clients write them into one setting: ``key:value,key only``, with ``\`` before ``\ , :``.

    Source: databricks.sql.utils.serialize_query_tags; the same form in Airflow's hook.
    """
    tags: dict[str, str | None] = {}
    for pair in re.findall(r"(?:\\.|[^\\,])+", text):
        read = re.match(r"((?:\\.|[^\\:])*)(?::(.*))?", pair, re.DOTALL)
        if read is not None and (key := _plain(read[1])):
            tags[key] = _plain(read[2] or "") or None
    return cut(tags)


def cut(tags: Tags) -> dict[str, str | None]:
    """At most as many tags as Databricks keeps."""
    return dict(itertools.islice(tags.items(), MOST_TAGS))


def merged(groups: Sequence[Tags]) -> dict[str, str | None]:
    """Tags of a session and of its statement together; the later ones win."""
    return cut({key: value for group in groups for key, value in group.items()})


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.strip())
