"""Streaming DataFrames in ``display()``: a query that goes on beside the notebook, and the table that it fills.

On Databricks the cell shows the stream's rows while it runs, and the notebook goes on. So here: the table is brought up
to date with each batch, and once more when the notebook has ended, by when the query has taken all there was.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pyspark.errors import AnalysisException

# How long the end of a notebook waits for a stream to have taken all there is; some never have.
SETTLE_SECONDS = 30.0
# The first that Spark takes is it: aggregates without a watermark are whole, or cannot be shown.
MODES = ("complete", "append", "update")
TRIGGERS = ("availableNow", "once", "processingTime", "continuous")

_numbers = itertools.count(1)


class LiveTable:
    """One displayed stream.

    Parameters: ``frame``; ``given``: the options of ``display()``: ``streamName``, ``checkpointLocation`` and a trigger
    are heeded, as ``processingTime="5 seconds"`` or ``trigger={"availableNow": True}``; ``show``: called after
    each batch with the first rows and whether there are more; ``rows``: how many rows are shown. Raises:
    ``AnalysisException`` when the stream cannot be started.
    """

    def __init__(
        self, frame: Any, given: Mapping[str, Any], show: Callable[[list[Any], bool], None], rows: int
    ) -> None:
        self._show = show
        self._limit = rows
        self._rows: list[Any] = []
        # The service's names are such, too.
        self._name = str(given.get("streamName") or f"display_query_{next(_numbers)}")
        self._trigger = trigger_of(given)
        self._query = self._started(frame, given.get("checkpointLocation"))

    def end(self, settle: bool) -> Exception | None:
        """Stop the query. Parameters: ``settle``: once it has taken all there is. Returns: why it had failed."""
        query = self._query
        if settle:
            waiting = threading.Thread(target=self._settle, name=self._name, daemon=True)
            waiting.start()
            waiting.join(SETTLE_SECONDS)
        failure: Exception | None = query.exception()
        query.stop()
        return failure

    def _settle(self) -> None:
        with contextlib.suppress(Exception):  # of a query that fails, or is stopped meanwhile: its end tells
            if self._trigger and {"availableNow", "once"} & set(self._trigger):
                self._query.awaitTermination()
            else:
                self._query.processAllAvailable()

    def _started(self, frame: Any, checkpoint: Any) -> Any:
        refusals = []
        for mode in MODES:
            writer = frame.writeStream.foreachBatch(self._taker(mode)).outputMode(mode).queryName(self._name)
            if checkpoint:
                writer = writer.option("checkpointLocation", str(checkpoint))
            if self._trigger:
                writer = writer.trigger(**self._trigger)
            try:
                return writer.start()
            except AnalysisException as refusal:
                refusals.append(refusal)
        raise refusals[MODES.index("append")]

    def _taker(self, mode: str) -> Callable[[Any, int], None]:
        def take(batch: Any, number: int) -> None:
            kept = [] if mode == "complete" else self._rows
            room = self._limit + 1 - len(kept)
            self._rows = kept + (batch.limit(room).collect() if room else [])
            self._show(self._rows[: self._limit], len(self._rows) > self._limit)

        return take


def trigger_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``display()`` as ``DataStreamWriter.trigger`` takes them. Raises: ``ValueError``."""
    asked = given.get("trigger")
    if asked is not None and not isinstance(asked, Mapping):
        raise ValueError(f"display(trigger={asked!r}): expected a dict such as {{'availableNow': True}}")
    return {name: value for name, value in {**given, **(asked or {})}.items() if name in TRIGGERS}
