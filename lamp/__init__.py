"""LAMP: low-parameter prompt tuning of frozen language models.

The method and nothing else: no job, no page and no table is known here.
"""

import logging
import os
import sys

# Threads that wait for each other spin before they sleep, by default for milliseconds, all the while holding the core
# that another program would let the awaited thread have: beside two busy programs a step on two cores took a hundred
# times as long. So short a spin costs a quiet machine a hundredth of a step (benchmarks/waiting.py). It is read when
# PyTorch is imported, by each process anew.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# Code from the Hub is never run, and compiled kernels are code: transformers and bitsandbytes fetch them where the
# package "kernels" is installed. What is None here cannot be imported; bitsandbytes advises to install it.
sys.modules["kernels"] = None  # type: ignore[assignment]  # as the import system defines it
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
