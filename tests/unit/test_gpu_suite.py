"""The one call that measures everything on a CUDA device, as far as it can be tried without one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module("gpu_suite")
    sys.modules.pop("gpu_suite")


def test_what_is_missing_is_one_sentence_that_names_the_parts_that_it_leaves_out(suite: Any, tmp_path: Path) -> None:
    parts = suite.parts_of(tmp_path, tiny=False)
    sentence, can_run = suite.missing(parts, lambda module: module not in ("bitsandbytes", "rouge_score"))
    assert sentence == "Missing here: bitsandbytes, rouge-score. Left out without them: bits, tests."
    assert {part.name for part in parts} - {part.name for part in can_run} == {"bits", "tests"}
    sentence, can_run = suite.missing(parts, lambda module: module != "duckdb")
    assert sentence.startswith("Missing here: duckdb. Left out without it: search, start, quote, attention,")
    assert {"recorded", "steps", "scoring"} <= {part.name for part in can_run}
    assert suite.missing(parts, lambda _: True) == ("", parts)


@pytest.mark.parametrize("tiny", [True, False])
def test_every_part_names_a_file_that_is_there(suite: Any, tmp_path: Path, tiny: bool) -> None:
    for part in suite.parts_of(tmp_path, tiny=tiny):
        files = [word for word in part.command if word.startswith(("benchmarks/", "tests/"))]
        assert files and all((suite.ROOT / file).exists() for file in files), part.name


def test_a_part_that_fails_or_takes_too_long_takes_none_of_the_others_with_it(
    suite: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    (tmp_path / "pid.py").write_text(f"import os; print('pid', os.getpid(), flush=True); {child}")
    commands = {
        "fails": ("-c", "raise SystemExit(3)"),
        "hangs": (str(tmp_path / "pid.py"),),
        "ends": ("-c", "print(7)"),
    }
    statuses: dict[str, int] = {}
    for name, command in commands.items():
        seconds = 3.0 if name == "hangs" else 600.0
        statuses |= suite.run_all([suite.Part(name, name, command, 1)], seconds)
    assert statuses == {"fails": 3, "hangs": suite.CUT_OFF, "ends": 0}
    told = capfd.readouterr().out
    assert "7" in told and "== ends: exit status 0" in told
    if "pid " in told:  # a slow machine cuts it off before it has said so
        assert not psutil.pid_exists(int(told.split("pid ")[1].split()[0]))


def test_the_time_that_one_part_leaves_over_is_the_next_ones(suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now, limits = [0.0], []

    def run(part: Any, seconds: float) -> int:
        limits.append(round(seconds))
        now[0] += 10
        return 0

    monkeypatch.setattr(suite.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(suite, "run", run)
    suite.run_all([suite.Part(name, name, (), weight) for name, weight in (("a", 50), ("b", 25), ("c", 25))], 100)
    assert limits == [50, 45, 80]
