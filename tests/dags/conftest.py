"""Airflow puts the DAG folder on ``sys.path``; so do the tests of the modules in it, and ``expected`` with them."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parents[1] / "dags"), str(_HERE)]
