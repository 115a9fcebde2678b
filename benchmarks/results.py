"""Where figures are kept: ``benchmarks/results.json``, an entry for each benchmark, with the load of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.client import Figures

RESULTS = Path(__file__).with_name("results.json")


def keep(results: dict[str, Figures]) -> None:
    """Replace the entries of these names; the others stay."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    RESULTS.write_text(json.dumps({**kept, **results}, indent=2) + "\n")


def machine() -> Figures:
    """How many cores there are, and how busy they have been for a minute."""
    return {"cores": os.cpu_count(), "load average": round(os.getloadavg()[0], 1)}
