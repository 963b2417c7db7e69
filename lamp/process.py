"""Settings of a process that computes with a backbone; must be made before torch is imported."""

from __future__ import annotations

import logging
import os
import sys


def prepare_process() -> None:
    """Shortens the busy-waiting of idle threads, and prevents the Hub's cached code from being loaded.

    Call it before torch is imported: OpenMP reads its settings when it is loaded. Calling it again changes nothing.
    """
    # Idle OpenMP threads busy-wait for milliseconds by default and starve the thread they wait for when other programs
    # run. A short spin costs 1 % on a quiet machine and is 30 times faster on a busy one (benchmarks/waiting.py).
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    # Code from the Hub is never run, and compiled kernels are code: transformers and bitsandbytes fetch them where the
    # package "kernels" is installed. A module that is None cannot be imported. bitsandbytes would then log an advice to
    # install it.
    sys.modules["kernels"] = None  # type: ignore[assignment]  # as the import system defines it
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
