"""The command that installs the offline backbone, as `make run` calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install_offline(target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "lamp.hub.offline", str(target)], cwd=ROOT, text=True, capture_output=True
    )
