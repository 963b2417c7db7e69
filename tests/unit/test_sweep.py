"""Prompts that are trained side by side, the learning rate that is found so, and what a stop leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import lamp.training.step
import lamp.training.trainer
from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig, TuneConfig
from lamp.training.halving import LEARNING_RATES, Rung, rungs
from lamp.training.result import TrainResult
from lamp.training.step import train_together
from lamp.training.train import sweep, train
from lamp.training.trainer import PromptTrainer, prompt_losses
from tests.unit.test_step_graphs import Repeat
from tests.unit.training import Recorder, recipe, run, splits_of


@pytest.fixture(params=["tiny_llama", "tiny_t5"])
def backbone(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def different_recipes(backbone: Path) -> list[TuneConfig]:
    """Recipes that differ in everything that those of a sweep may differ in."""
    base = recipe(backbone)
    return [
        base,
        replace(base, train=replace(base.train, learning_rate=0.1)),
        replace(base, train=replace(base.train, seed=1)),
        replace(base, lamp=LampConfig(prompt_length=20, rank=3, pooling=2, interactions=1)),
    ]


def close(ours: TrainResult, expected: TrainResult) -> bool:
    return all(torch.allclose(ours.factors[name], expected.factors[name], atol=2e-3) for name in ("u", "q", "v"))


def test_prompts_side_by_side_learn_what_each_learns_alone(backbone: Path, tiny_table: Path, tmp_path: Path) -> None:
    recipes = different_recipes(backbone)
    together = sweep(recipes, (), splits_of(recipes[0], tiny_table), Recorder(), tmp_path / "together")
    for number, (one, ours) in enumerate(zip(recipes, together, strict=True)):
        alone, _ = run(one, tiny_table, tmp_path / f"alone-{number}")
        assert close(ours, alone)
        assert ours.final.scores["loss"] == pytest.approx(alone.final.scores["loss"], rel=1e-3)
        assert (ours.best_step, ours.step, ours.learning_rate) == (alone.best_step, 12, one.train.learning_rate)
    assert not close(together[0], together[1]) and not close(together[0], together[2])


def test_recorded_steps_of_several_prompts_give_what_eager_ones_give(
    backbone: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = different_recipes(backbone)[:3]
    eager = sweep(recipes, (Rung(6, 2),), splits_of(recipes[0], tiny_table), Recorder(), tmp_path / "eager")
    create, recorder = PromptTrainer.create, Repeat()

    def recorded(*arguments: object) -> PromptTrainer:
        trainer = create(*arguments)  # type: ignore[arg-type]  # handed on as they came
        trainer.micro_batch = 100
        trainer.record_with(recorder)
        return trainer

    monkeypatch.setattr(PromptTrainer, "create", recorded)
    replayed = sweep(recipes, (Rung(6, 2),), splits_of(recipes[0], tiny_table), Recorder(), tmp_path / "recorded")
    assert recorder.recorded > 1, "before the rung and after it"
    assert all(close(ours, expected) for ours, expected in zip(replayed, eager, strict=True))
    assert [result.step for result in replayed] == [result.step for result in eager]


def test_prompts_that_do_not_fit_together_are_read_in_parts_with_the_same_result(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = different_recipes(tiny_llama)
    whole = sweep(recipes, (), splits_of(recipes[0], tiny_table), Recorder(), tmp_path / "whole")
    original = target_log_likelihood
    tried: list[int] = []

    def small_memory(backbone: FrozenBackbone, virtual: torch.Tensor, batch: Batch, **options: bool) -> torch.Tensor:
        tried.append(len(batch.input_ids))
        if tried[-1] > 2:
            raise torch.OutOfMemoryError("out of memory")
        return original(backbone, virtual, batch, **options)

    monkeypatch.setattr(lamp.training.trainer, "target_log_likelihood", small_memory)
    recorder = Recorder()
    parts = sweep(recipes, (), splits_of(recipes[0], tiny_table), recorder, tmp_path / "parts")
    assert max(tried[:3]) == 12, "three prompts of one length and four rows each were read at once"
    assert max(tried[-8:]) == 2
    assert sum("Out of memory" in note for note in recorder.notes) == 3
    assert all(close(ours, expected) for ours, expected in zip(parts, whole, strict=True))


def found(backbone: Path, **changes: object) -> TuneConfig:
    """A recipe whose rate is to be found: rungs after steps 4, 6 and 10 of 40."""
    return recipe(backbone, **{"learning_rate": "found", "steps": 40, "evaluate_every": 20, **changes})


def test_the_learning_rate_is_found_and_its_prompt_takes_all_steps(
    backbone: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, recorder = run(found(backbone), tiny_table, tmp_path)
    assert result.learning_rate in LEARNING_RATES
    assert (result.step, sorted(recorder.losses)) == (40, list(range(1, 41)))
    steps = {
        rate: max(step for step, values in recorder.values if f"search/{rate:g}/loss" in values)
        for rate in LEARNING_RATES
    }
    assert sorted(steps.values()) == [4, 4, 6, 10, 10]
    assert steps[result.learning_rate] == 10
    scored = {
        step: {name: value for name, value in values.items() if name.startswith("search/")}
        for step, values in recorder.values
        if any(name.endswith("validation/loss") and name.startswith("search/") for name in values)
    }
    assert list(scored) == [4, 6, 10]
    assert f"Going on with the learning rate {result.learning_rate:g}, by their held-out losses." in recorder.notes
    highest = max(values["learning_rate"] for _, values in recorder.values if "learning_rate" in values)
    assert highest <= max(LEARNING_RATES)


def test_the_prompts_that_go_on_are_those_with_the_lowest_held_out_losses(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    _, recorder = run(found(tiny_llama), tiny_table, tmp_path)
    first = {
        name.split("/")[1]: value
        for step, values in recorder.values
        for name, value in values.items()
        if step == 4 and name.endswith("validation/loss") and name.startswith("search/")
    }
    best = sorted(first, key=first.__getitem__)[:3]
    going_on = next(note for note in recorder.notes if note.startswith("Going on with the learning rates"))
    assert set(going_on.split("rates ")[1].split(", by")[0].split(", ")) == set(best)


@pytest.mark.parametrize("stop_after", [1, 4, 5, 10, 11, 30])
def test_a_search_that_was_stopped_and_resumed_is_bit_by_bit_the_one_that_never_stopped(
    backbone: Path, tiny_table: Path, tmp_path: Path, stop_after: int
) -> None:
    whole, uninterrupted = run(found(backbone), tiny_table, tmp_path / "whole")
    stopped, before = run(found(backbone), tiny_table, tmp_path / "parts", stop_after)
    assert (stopped.stopped, stopped.step) == (True, stop_after)
    resumed, after = run(found(backbone), tiny_table, tmp_path / "parts")
    assert {**before.losses, **after.losses} == uninterrupted.losses
    assert min(after.losses) == stop_after + 1
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))
    assert (whole.learning_rate, whole.final.scores) == (resumed.learning_rate, resumed.final.scores)


def test_a_stop_while_candidates_are_scored_is_heard_and_the_scores_are_made_up_for(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    class Impatient(Recorder):
        asked = 0

        def should_stop(self) -> bool:
            self.asked += 4 in self.losses
            return self.asked == 3  # when some of the candidates have been scored

    config = found(tiny_llama)
    whole, uninterrupted = run(config, tiny_table, tmp_path / "whole")
    stopped = train(config, splits_of(config, tiny_table), Impatient(), tmp_path / "parts")
    assert (stopped.stopped, stopped.step) == (True, 4)
    resumed, after = run(config, tiny_table, tmp_path / "parts")
    assert after.losses == {step: loss for step, loss in uninterrupted.losses.items() if step > 4}
    assert whole.final.scores == resumed.final.scores


def diverging(numbers: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the losses of the prompts with these numbers be no numbers, at the second step."""
    original, together = prompt_losses, train_together
    steps: list[int] = []

    def counted(*arguments: object) -> object:
        steps.append(1)
        return together(*arguments)  # type: ignore[arg-type]  # handed on as they came

    def losses(trainer: PromptTrainer, own: Sequence[int], batch: Batch, **options: bool) -> torch.Tensor:
        means = original(trainer, own, batch, **options)
        kept = [float("nan") if len(steps) == 2 and number in numbers else 1.0 for number in own]
        return means * torch.tensor(kept)

    monkeypatch.setattr("lamp.training.train.train_together", counted)
    monkeypatch.setattr(lamp.training.step, "prompt_losses", losses)


def test_a_rate_at_which_the_loss_diverges_is_dropped_and_the_others_go_on(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging([3, 4], monkeypatch)
    result, recorder = run(found(tiny_llama), tiny_table, tmp_path)
    assert (result.failure, result.step) == ("", 40)
    assert result.learning_rate in LEARNING_RATES[:3]
    assert recorder.notes.count(
        "Going on with the learning rates 0.01, 0.025, 0.06, as the other losses were no longer finite."
    )


def test_the_plan_halves_until_one_is_left() -> None:
    plan = rungs(8, 200)
    assert [(rung.step, rung.keep) for rung in plan] == [(20, 4), (32, 2), (51, 1)]
    read = 8 * 20 + 4 * 12 + 2 * 19 + 149
    assert read < 2.5 * 200, "the rows of one run"
    assert [rung.keep for rung in rungs(5, 200)] == [3, 2, 1]
    assert rungs(1, 200) == ()
    assert [rung.step for rung in rungs(6, 1)] == [1, 1, 1]


def without_test(config: TuneConfig) -> TuneConfig:
    """The recipe with final scores on the validation rows."""
    return replace(config, data=replace(config.data, test_share=0.0))


def test_a_search_of_one_step_compares_every_rate_and_scores_the_best(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, recorder = run(without_test(found(tiny_llama, steps=1)), tiny_table, tmp_path)
    losses = {
        float(name.split("/")[1]): value
        for _, values in recorder.values
        for name, value in values.items()
        if name.startswith("search/") and name.endswith("validation/loss")
    }
    assert result.learning_rate == min(losses, key=losses.__getitem__)
    assert result.final.scores["loss"] == pytest.approx(
        losses[result.learning_rate]
    )  # of one step, prompt and mean are one
