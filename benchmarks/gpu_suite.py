"""Everything that wants a CUDA device, in one call of at most eight minutes: the tests, then the measured steps.

    python benchmarks/gpu_suite.py [--minutes 8]

Needs what lamp needs and pytest; nothing is downloaded. Runs the tests that are for a CUDA device alone, then lamp's
unit tests, whose backbones lie on the device where there is one, then benchmarks/gpu.py and what finding the learning
rate costs. Each part has a share of the
time; one that does not end in time is cut off, and the next one starts. The exit status is that of the worst part.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lamp_tests() -> list[str]:
    """The unit tests without those of the app, the store or the offline backbone, which such a machine may not have."""
    files = sorted((ROOT / "tests/unit").glob("test_*.py"))
    return [
        str(path.relative_to(ROOT)) for path in files if not re.search(r"\b(app|storage)\.|offline", path.read_text())
    ]


def run(title: str, command: list[str], seconds: float) -> int:
    """Runs one part with its output on standard output; its exit status, 124 when it was cut off."""
    print(f"\n== {title}\n", flush=True)
    began = time.monotonic()
    try:
        status = subprocess.run([sys.executable, *command], cwd=ROOT, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        status = 124
    print(f"\n== {title}: exit status {status} after {time.monotonic() - began:.0f} s", flush=True)
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=8)
    seconds = 60 * parser.parse_args().minutes
    quiet = ["-m", "pytest", "-o", "addopts=", "-q", "--tb=line", "-rfE"]
    parts = [
        ("Recorded steps", [*quiet, "tests/gpu"], 0.15),
        ("Unit tests of lamp", [*quiet, "-n", "8", *lamp_tests()], 0.35),
        ("Steps against PEFT's", ["benchmarks/gpu.py"], 0.35),
        ("The search's cost", ["benchmarks/search.py", "--random", "smollm2-135m", "--turns", "1"], 0.15),
    ]
    return max(run(title, command, share * seconds) for title, command, share in parts)


if __name__ == "__main__":
    sys.exit(main())
