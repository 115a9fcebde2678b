"""The in-process Execution API, built for the one version that ``dag.test()`` speaks.

Airflow serves its tasks through a versioned web application even in process. Building all of its versions takes more
than half of the first ``dag.test()`` of a process (measured: 6.9 s in all, 3.3 s with the newest version alone).
"""

from __future__ import annotations

import warnings
from typing import Any

HEALTH = "/health"


def make_fast() -> str | None:
    """Build the Execution API with its newest version only, and prove that it answers.

    Returns: ``None``, or why Airflow's own (slow) application is used instead.
    """
    with warnings.catch_warnings():
        # It imports Starlette's test client, which warns where httpx2 is missing: nothing of it is used.
        warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient`")
        from airflow.api_fastapi.execution_api import versions
        from airflow.api_fastapi.execution_api.routes import execution_api_router as router
    from airflow.sdk.api.datamodels._generated import API_VERSION
    from airflow.sdk.execution_time import supervisor

    whole, routes = versions.bundle, list(router.routes)
    if len(whole.versions) == 1:
        return None  # done before in this process
    supervisor.in_process_api_server.cache_clear()
    try:
        versions.bundle = _newest(whole, API_VERSION)
        router.routes[:] = [route for route in routes if not _deleted(route)]
        _ask()
    except Exception as error:
        versions.bundle = whole
        router.routes[:] = routes
        supervisor.in_process_api_server.cache_clear()
        return f"the Execution API could not be trimmed, so that the first run is slower: {error!r}"
    return None


def _newest(bundle: Any, spoken: str) -> Any:
    from cadwyn import HeadVersion, Version, VersionBundle

    newest = str(bundle.versions[0].value)
    if newest != spoken:
        raise ValueError(f"its newest version is {newest}, but tasks speak {spoken}")
    return VersionBundle(HeadVersion(), Version(newest))


def _deleted(route: Any) -> bool:
    # Routes that only older versions have carry Cadwyn's mark; without those versions nothing takes them out.
    from cadwyn.route_generation import _DELETED_ROUTE_TAG

    return _DELETED_ROUTE_TAG in (getattr(route, "tags", None) or ())


def _ask() -> None:
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    # The client of the tasks, with the version header of the tasks: a refusal raises.
    InProcessTestSupervisor._api_client().get(HEALTH)
