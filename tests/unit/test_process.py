"""What `prepare_process` settles for its process, before PyTorch is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PREPARE = "from lamp.process import prepare_process; prepare_process(); "
SPIN = PREPARE + "import os; print(os.environ.get('GOMP_SPINCOUNT'))"


def said(code: str, **environment: str) -> str:
    """What a fresh process prints, in an environment without settings for threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("set_by_hand", "found"),
    [
        ({}, "3000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
    ],
    ids=["nothing", "a count", "a policy"],
)
def test_threads_do_not_spin_long_unless_somebody_wants_them_to(set_by_hand: dict[str, str], found: str) -> None:
    assert said(SPIN, **set_by_hand) == found


def test_lamp_comes_before_the_library_that_reads_the_spin_count() -> None:
    assert said("import sys, lamp.process, app.jobs.worker; print('torch' in sys.modules)") == "False"


def test_importing_the_packages_changes_nothing_in_the_process() -> None:
    code = "import os; before = dict(os.environ); import lamp, lamp.process, app, storage; print(before == os.environ)"
    assert said(code) == "True"


def test_compiled_code_of_the_hub_is_not_fetched_even_where_its_package_is_installed(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("print('fetching')\ndef get_kernel(*_, **__): print('running')\n")
    code = "\n".join(
        [
            PREPARE + "import importlib.util",
            "from transformers.utils import is_kernels_available",
            "import bitsandbytes",
            "print(is_kernels_available(), importlib.util.find_spec('kernels'))",
        ]
    )
    assert said(code, PYTHONPATH=str(tmp_path)) == "False None"
