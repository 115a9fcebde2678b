"""``TriggerDagRunOperator``: the child runs at once, inside the task that triggers it.

``dag.test()`` creates the child's run and leaves it queued, so that ``wait_for_completion`` waits for ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch


@contextlib.contextmanager
def children_run_inline(run_child: Callable[[str, str, Any], object]) -> Iterator[None]:
    """Call ``run_child(dag_id, run_id, task_instance)`` as soon as that task instance has triggered that run."""
    from airflow.sdk.execution_time import supervisor
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    send = supervisor.InProcessSupervisorComms.send

    def send_and_run(comms: Any, msg: Any) -> Any:
        answer = send(comms, msg)
        if isinstance(msg, TriggerDagRun) and not isinstance(answer, ErrorResponse):
            with supervisor.set_supervisor_comms(None):
                run_child(msg.dag_id, msg.run_id, comms.supervisor.ti)
        return answer

    with patch.object(supervisor.InProcessSupervisorComms, "send", send_and_run):
        yield
