"""Training on several processes gives the losses of one process with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lamp.config import Task
from tests.unit.training import recipe, run, splits_of

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import json, sys
from functools import partial
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.unit.training import Recorder, splits_of
import lamp.inference.evaluate
from lamp.config import TuneConfig
from lamp.training.train import train
from lamp.backbone.devices import process_state

def counted(stock, backbone, prefixes, *rest, **named):
    with open(sys.argv[4] + f"-{process_state().process_index}", "a") as rows:
        rows.write(f"{len(prefixes)} ")
    return stock(backbone, prefixes, *rest, **named)

for name in ("label_log_likelihoods", "generate"):
    setattr(lamp.inference.evaluate, name, partial(counted, getattr(lamp.inference.evaluate, name)))
config = TuneConfig.from_dict(json.loads(sys.argv[2]))
recorder = Recorder()
result = train(config, splits_of(config, Path(sys.argv[3])), recorder, Path(sys.argv[4]))
if process_state().is_main_process:
    Path(sys.argv[5]).write_text(json.dumps({"losses": recorder.losses, "scores": result.final.scores}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "generation"])
def test_two_processes_give_the_losses_and_scores_of_one_with_the_doubled_batch(
    task: Task, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    one = recipe(tiny_llama, batch_size=8)
    one = replace(one, data=replace(one.data, task=task, max_target_tokens=6))
    whole, alone = run(one, tiny_table, tmp_path / "one")
    half = replace(one, train=replace(one.train, batch_size=4))
    (tmp_path / "program.py").write_text(_PROGRAM)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr",
        "127.0.0.1",
        "--nproc_per_node",
        "2",
        str(tmp_path / "program.py"),
        str(Path(__file__).parent),
        json.dumps(half.to_dict()),
        str(tiny_table),
        str(tmp_path / "two"),
        str(tmp_path / "found.json"),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert {int(step): loss for step, loss in found["losses"].items()} == pytest.approx(alone.losses, abs=1e-5)
    assert found["scores"] == pytest.approx(whole.final.scores, abs=1e-4)
    assert len(list((tmp_path / "two").glob("step-*"))) == 2
    splits = splits_of(one, tiny_table)
    halves = {-(-len(part) // 2) for part in (splits.validation, splits.test)}
    for process in (0, 1):
        scored = (tmp_path / f"two-{process}").read_text().split()
        assert scored and set(map(int, scored)) <= halves, "each process scores its half of the held-out rows"
