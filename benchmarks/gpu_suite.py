"""Everything that wants a CUDA device, in one call of at most eight minutes: every figure, and the tests.

    python benchmarks/gpu_suite.py [--minutes 8] [--only PART ...] [--tiny]

Needs what lamp needs and pytest; nothing is downloaded: backbones are untrained models of published sizes. What is
missing is said first, in one sentence, and only the parts that need it are left out. Each part is a process of its own
with a limit of time: what earlier parts have left over is shared out among the later ones. One that fails or is cut off
takes none of the others with it. The exit status is that of the worst part. --tiny goes through the same parts with a
tiny model on any machine; its numbers say nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUT_OFF, LEFT_OUT = 124, 69
"""Exit statuses of a part that took too long, and of one that cannot run here."""
PACKAGES = {
    "sklearn": "scikit-learn",
    "rouge_score": "rouge-score",
    "xdist": "pytest-xdist",
}
"""The names under which modules are installed, where they are others."""
_LAMP = ("torch", "transformers", "tokenizers", "safetensors", "accelerate", "peft", "sklearn")
_TABLES = (*_LAMP, "duckdb")


@dataclass(frozen=True)
class Part:
    """One process of the suite."""

    name: str
    title: str
    command: tuple[str, ...]
    weight: float
    """Share of the time, against those of the other parts."""
    needs: tuple[str, ...] = _LAMP
    """Modules without which it cannot run."""


def parts_of(place: Path, *, tiny: bool) -> list[Part]:
    """All parts, in their order. place: a folder for the untrained backbone and its rows."""
    backbone, data = f"{place}/backbone", f"{place}/rows.csv"
    laid = ("--backbone", backbone, "--data", data)
    shape = "tiny" if tiny else "smollm2-135m"
    few = ("--steps", "4") if tiny else ()
    # After some errors a device refuses everything else in that process: what fails first says why.
    quiet = ("-m", "pytest", "-o", "addopts=", "-q", "--tb=short", "-rfE", "--maxfail=8")
    tests = lamp_tests()[:1] if tiny else lamp_tests()
    recorded = ("tests/unit/test_step_graphs.py",) if tiny else ("tests/gpu",)
    bits = ("--only", "weights in 8 bits", "weights in 4 bits", "4 bits and gradient checkpointing")
    search = ("--turns", "1", "--batch", "32", *(("--steps", "10", "--only", "found") if tiny else ()))
    turns, rows, rows_a_batch = ("1", "32", "4") if tiny else ("3", "200", "32")
    return [
        Part("backbone", "An untrained backbone", ("benchmarks/random_models.py", str(place), "--shape", shape), 20),
        Part("recorded", "Recorded steps", (*quiet, *recorded), 45, (*_LAMP, "pytest")),
        Part("steps", "Steps against PEFT's", ("benchmarks/gpu.py", *(("--shapes", "tiny", *few) if tiny else ())), 95),
        Part(
            "scoring",
            "Scoring",
            ("benchmarks/scoring.py", "--backbone", backbone, "--rows", rows, "--shape", shape),
            25,
        ),
        Part("writing", "Writing", ("benchmarks/writing.py", "--shape", shape), 25),
        Part("search", "The search's cost", ("benchmarks/search.py", *laid, *search), 60, _TABLES),
        Part("start", "From Start to the first step", ("benchmarks/start.py", *laid, "--turns", turns), 35, _TABLES),
        Part("quote", "Quoted and taken", ("benchmarks/quote.py", *laid, "--batches", rows_a_batch, *few), 35, _TABLES),
        Part("attention", "Attention", ("benchmarks/attention.py", *laid, "--batch", "32", *few), 25, _TABLES),
        Part(
            "checkpointing",
            "Gradient checkpointing",
            ("benchmarks/options.py", *laid, *few, "--only", "gradient checkpointing"),
            20,
            _TABLES,
        ),
        Part("bits", "8 and 4 bits", ("benchmarks/options.py", *laid, *few, *bits), 25, (*_TABLES, "bitsandbytes")),
        Part("compile", "Compiling", ("benchmarks/options.py", *laid, *few, "--only", "compiled"), 40, _TABLES),
        Part(
            "tests",
            "Unit tests of lamp",
            (*quiet, *(() if tiny else ("-n", "8")), *tests),
            90,
            (*_TABLES, "pytest", "xdist", "rouge_score", "sacrebleu"),
        ),
    ]


def lamp_tests() -> list[str]:
    """The unit tests without those of the app, the store, the offline backbone and a client: it may lack them."""
    files = sorted((ROOT / "tests/unit").glob("test_*.py"))
    return [
        str(path.relative_to(ROOT))
        for path in files
        if not re.search(r"\b(app|storage)\.|offline|\bopenai\b", path.read_text())
    ]


def is_there(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    return find_spec(module) is not None


def missing(parts: Sequence[Part], there: Callable[[str], bool] = is_there) -> tuple[str, list[Part]]:
    """What is missing here and which parts that leaves out, in one sentence, and the parts that can run.

    The sentence is empty where nothing is missing. there: whether a module can be imported.
    """
    modules = [module for module in dict.fromkeys(need for part in parts for need in part.needs) if not there(module)]
    can_run = [part for part in parts if not set(part.needs) & set(modules)]
    if not modules:
        return "", can_run
    names = ", ".join(PACKAGES.get(module, module) for module in modules)
    left_out = ", ".join(part.name for part in parts if part not in can_run)
    return f"Missing here: {names}. Left out without {'it' if len(modules) == 1 else 'them'}: {left_out}.", can_run


def run_all(parts: Sequence[Part], seconds: float) -> dict[str, int]:
    """Runs the parts one after the other within so many seconds in all; their exit statuses by their names."""
    statuses: dict[str, int] = {}
    end = time.monotonic() + seconds
    for number, part in enumerate(parts):
        weights = sum(later.weight for later in parts[number:])
        statuses[part.name] = run(part, (end - time.monotonic()) * part.weight / weights)
    return statuses


def run(part: Part, seconds: float) -> int:
    """Runs one part with its output on standard output; its exit status, CUT_OFF when it took longer."""
    print(f"\n== {part.title} (at most {seconds:.0f} s)\n", flush=True)
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *part.command], cwd=ROOT, start_new_session=True)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own processes as well: they would hold the card
        process.wait()
        status = CUT_OFF
    print(f"\n== {part.title}: exit status {status} after {time.monotonic() - began:.0f} s", flush=True)
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--only", nargs="+", metavar="PART", help="names of parts, as the summary at the end has them")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        parts = parts_of(Path(place), tiny=options.tiny)
        if unknown := set(options.only or ()) - {part.name for part in parts}:
            parser.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(part.name for part in parts)}")
        wanted = [part for part in parts if not options.only or part.name in ("backbone", *options.only)]
        sentence, can_run = missing(wanted)
        if sentence:
            print(sentence, flush=True)
        statuses = {part.name: LEFT_OUT for part in wanted} | run_all(can_run, 60 * options.minutes)
    print("\n| part | exit status |\n| --- | --- |")
    for name, status in statuses.items():
        words = {0: "0", CUT_OFF: "cut off", LEFT_OUT: "left out"}
        print(f"| {name} | {words.get(status, str(status))} |")
    return max(statuses.values())


if __name__ == "__main__":
    sys.exit(main())
