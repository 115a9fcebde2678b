"""What is wrong with a project, seen before anything runs: its DAGs, notebooks and SQL against each other.

The road: :mod:`parsing` imports the DAG files with Airflow's own parser, :mod:`project` holds what was found, each
module of checks yields findings, :mod:`suppress` leaves out what the project silenced, :mod:`report` writes the rest.
"""

from __future__ import annotations
