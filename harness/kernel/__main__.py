"""``python -m harness.kernel``: the fork server."""

from __future__ import annotations

import os

# Before anything imports numpy: its thread pools would be forked half-dead, and eight kernels share these cores.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from harness.kernel.forkserver import main  # noqa: E402

if __name__ == "__main__":
    main()
