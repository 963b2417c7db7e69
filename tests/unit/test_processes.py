"""Training on several processes gives the losses of one process with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from training import recipe, run

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from training import Recorder, splits_of
from lamp.config import TuneConfig
from lamp.train import train
from lamp.hardware import process_state

config = TuneConfig.from_dict(json.loads(sys.argv[2]))
recorder = Recorder()
result = train(config, splits_of(config, Path(sys.argv[3])), recorder, Path(sys.argv[4]))
if process_state().is_main_process:
    Path(sys.argv[5]).write_text(json.dumps({"losses": recorder.losses, "scores": result.scores}))
"""


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one_with_the_doubled_batch(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    whole, alone = run(recipe(tiny_llama, batch_size=8), tiny_table, tmp_path / "one")
    half = recipe(tiny_llama, batch_size=4)
    (tmp_path / "program.py").write_text(_PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1",
               "--nproc_per_node", "2", str(tmp_path / "program.py"),
               str(Path(__file__).parent), json.dumps(half.to_dict()), str(tiny_table),
               str(tmp_path / "two"), str(tmp_path / "found.json")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert {int(step): loss for step, loss in found["losses"].items()} == pytest.approx(alone.losses, abs=1e-5)
    assert found["scores"] == pytest.approx(whole.scores, abs=1e-4)
    assert len(list((tmp_path / "two").glob("step-*"))) == 2
