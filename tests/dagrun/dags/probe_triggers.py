"""Triggers and sensors whose outcome is in their arguments. Imported by DAGs from the DAG folder, as in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


class ProbeTrigger(BaseTrigger):
    """Fires ``payload``, fails, ends silently or never fires."""

    def __init__(self, does: str, payload: Any = "fired") -> None:
        super().__init__()
        self.does = does
        self.payload = payload

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "probe_triggers.ProbeTrigger", {"does": self.does, "payload": self.payload}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.does == "fail":
            raise ValueError("the trigger broke")
        if self.does == "end":
            return
        if self.does == "never":
            await asyncio.Event().wait()
        yield TriggerEvent(self.payload)


class DeferringOperator(BaseOperator):
    """Defers as often as ``stages`` says, then returns all that it was resumed with."""

    def __init__(self, does: str, stages: int = 1, deferral_timeout: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.does = does
        self.stages = stages
        self.deferral_timeout = deferral_timeout

    def execute(self, context: Any) -> Any:
        self._defer([])

    def resumed(self, context: Any, event: Any, so_far: list[Any]) -> Any:
        so_far = [*so_far, event]
        if len(so_far) < self.stages:
            self._defer(so_far)
        return so_far

    def _defer(self, so_far: list[Any]) -> None:
        trigger = ProbeTrigger(self.does, payload=len(so_far))
        self.defer(trigger=trigger, method_name="resumed", kwargs={"so_far": so_far}, timeout=self.deferral_timeout)
