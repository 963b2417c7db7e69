"""What is measured before a run is what the run then takes, as far as it does not depend on the machine's speed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lamp.config import TuneConfig
from lamp.training.quote import Measured
from tests.offline import ROOT
from tests.unit.training import recipe

COMMON = """
import json, sys, time
began = time.perf_counter()
from pathlib import Path
from lamp.process import prepare_process
prepare_process()
import torch
from lamp.config import TuneConfig
from tests.unit.training import Recorder, splits_of
config = TuneConfig.from_dict(json.loads(sys.argv[1]))
splits = splits_of(config, Path(sys.argv[2]))
"""
MEASURE = (
    COMMON
    + """
from lamp.training.measuring import measure
print(json.dumps(measure(config, splits, began).to_dict()))
"""
)
TRAIN = (
    COMMON
    + """
import lamp.training.train as loop
from lamp.training.peak_memory import peak_memory
lengths, recorder, step = [], Recorder(), loop.train_together
def counted(trainer, batches, rates):
    lengths.append(max(row.length for batch in batches for row in batch))
    return step(trainer, batches, rates)
loop.train_together = counted
loop.train(config, splits, recorder, Path(sys.argv[3]))
print(json.dumps({"memory": peak_memory(torch.device("cpu")), "lengths": lengths, "steps": len(recorder.losses)}))
"""
)


def said(code: str, config: TuneConfig, table: Path, *more: str) -> object:
    """What a process of its own prints last, so that its peak of memory is its own."""
    command = [sys.executable, "-c", code, json.dumps(config.to_dict()), str(table), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_memory_and_steps_of_a_run_are_those_that_were_measured_before_it(tiny_llama: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    rows = [f"{'the film was good ' * (60 if row % 3 else 20)}{row},{('good', 'bad')[row % 2]}" for row in range(60)]
    table.write_text("\n".join(["text,label", *rows]))
    config = recipe(tiny_llama, steps=12, batch_size=32, learning_rate="found", evaluate_every=50)
    config = replace(config, data=replace(config.data, max_input_tokens=250))
    measured = Measured.from_dict(said(MEASURE, config, table))  # type: ignore[arg-type]
    ran = said(TRAIN, config, table, str(tmp_path / "checkpoints"))
    assert isinstance(ran, dict)
    assert measured.memory(config.train) == pytest.approx(ran["memory"], rel=0.25)
    assert ran["steps"] == config.train.steps == len(ran["lengths"])
    assert list(measured.step_lengths) == ran["lengths"] and measured.longest_row == max(ran["lengths"])
