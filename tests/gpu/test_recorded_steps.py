"""A run on a CUDA device, whose steps are recorded and replayed, against the same run launched by Python."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import lamp.training.trainer
from lamp.backbone.frozen import FrozenBackbone
from lamp.training.halving import Rung
from lamp.training.sweep import sweep
from lamp.training.train import Places, train
from tests.decoding import assert_same, prompts, written
from tests.tiny import save_tiny
from tests.unit.training import Recorder, recipe, run, splits_of

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", params=["llama", "qwen3", "gemma3", "gpt2", "opt", "t5", "bart"])
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("backbones") / request.param, request.param)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty rows of two labels; lengths vary, so that batches have several shapes."""
    path, rng = tmp_path_factory.mktemp("tables") / "films.csv", random.Random(1)
    words = {"positive": ["good", "great", "bright"], "negative": ["bad", "awful", "dull"]}
    rows = [
        f"{' '.join(rng.choices(['the', 'film', 'was'], k=rng.randint(2, 30)))} {rng.choice(words[label])},{label}"
        for label in ["positive", "negative"] * 30
    ]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def unrecorded(recorder: Recorder) -> list[str]:
    """What the log says of steps that were not recorded."""
    return [note for note in recorder.notes if "not recorded" in note]


def test_a_recorded_run_has_the_losses_of_one_launched_by_python(
    backbone: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(backbone, steps=30, evaluate_every=10)
    recorded, replayed = run(config, table, tmp_path / "recorded")
    assert not unrecorded(replayed)
    monkeypatch.setattr(lamp.training.trainer, "_can_be_recorded", lambda *_: False)
    eager, launched = run(config, table, tmp_path / "eager")
    assert list(replayed.losses.values()) == pytest.approx(list(launched.losses.values()), rel=2e-3)
    assert torch.allclose(recorded.virtual_tokens, eager.virtual_tokens, atol=5e-3)


def test_recorded_steps_of_several_prompts_teach_each_what_eager_ones_do(
    backbone: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(backbone, steps=30, evaluate_every=10)
    recipes = [replace(config, train=replace(config.train, learning_rate=rate)) for rate in (0.01, 0.02, 0.04)]
    splits, plan, recorder = splits_of(config, table), (Rung(10, 2),), Recorder()
    recorded = sweep(recipes, plan, splits, recorder, Places(tmp_path / "recorded"))
    assert not unrecorded(recorder)
    monkeypatch.setattr(lamp.training.trainer, "_can_be_recorded", lambda *_: False)
    eager = sweep(recipes, plan, splits, Recorder(), Places(tmp_path / "eager"))
    assert [result.step for result in recorded] == [result.step for result in eager]
    for ours, expected in zip(recorded, eager, strict=True):
        assert torch.allclose(ours.virtual_tokens, expected.virtual_tokens, atol=5e-3)


def test_a_recorded_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    backbone: Path, table: Path, tmp_path: Path
) -> None:
    config = recipe(backbone, steps=30, evaluate_every=10)
    whole, uninterrupted = run(config, table, tmp_path / "whole")
    stopped, before = run(config, table, tmp_path / "parts", stop_after=17)
    assert (stopped.stopped, stopped.step) == (True, 17)
    resumed, after = run(config, table, tmp_path / "parts")
    assert min(after.losses) == 18
    assert {**before.losses, **after.losses} == uninterrupted.losses
    assert torch.equal(whole.virtual_tokens, resumed.virtual_tokens)


def test_steps_are_replayed_and_not_only_prepared(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replays: list[int] = []
    original = torch.cuda.CUDAGraph.replay

    def count(graph: torch.cuda.CUDAGraph) -> None:
        replays.append(1)
        original(graph)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", count)
    config = recipe(save_tiny(tmp_path / "llama", "llama"), steps=30)
    train(config, splits_of(config, table), Recorder(), tmp_path / "run")
    assert len(replays) >= 20


def test_steps_are_recorded_beside_recorded_texts(table: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "llama", "llama")
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    prefixes = prompts(backbone, 6, 0)
    with torch.inference_mode():
        before = written(backbone, prefixes, 20)
    _, replayed = run(recipe(folder, steps=30, evaluate_every=10), table, tmp_path / "run")
    assert not unrecorded(replayed)
    with torch.inference_mode():
        assert_same(written(backbone, prefixes, 20), before)
    assert backbone.decoding is not None and not backbone.decoding.reason
