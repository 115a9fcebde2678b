"""Airflow puts the DAG folder on ``sys.path``; so do the tests of the modules in it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dags"))
