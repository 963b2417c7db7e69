"""Prompts that are trained side by side, the learning rate that is found so, and what a stop leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import lamp.training.step
import lamp.training.trainer
from lamp.backbone.batch import Batch
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import LampConfig, TuneConfig
from lamp.errors import ConfigError
from lamp.training.factors_file import load_factors, save_factors
from lamp.training.halving import LEARNING_RATES, Rung, rungs
from lamp.training.result import TrainResult
from lamp.training.step import train_together
from lamp.training.sweep import sweep
from lamp.training.train import Places, train
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
    together = sweep(recipes, (), splits_of(recipes[0], tiny_table), Recorder(), Places(tmp_path / "together"))
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
    eager = sweep(recipes, (Rung(6, 2),), splits_of(recipes[0], tiny_table), Recorder(), Places(tmp_path / "eager"))
    create, recorder = PromptTrainer.create, Repeat()

    def recorded(*arguments: object) -> PromptTrainer:
        trainer = create(*arguments)  # type: ignore[arg-type]  # handed on as they came
        trainer.micro_batch = 100
        trainer.record_with(recorder)
        return trainer

    monkeypatch.setattr(PromptTrainer, "create", recorded)
    replayed = sweep(
        recipes, (Rung(6, 2),), splits_of(recipes[0], tiny_table), Recorder(), Places(tmp_path / "recorded")
    )
    assert recorder.recorded > 1, "before the rung and after it"
    assert all(close(ours, expected) for ours, expected in zip(replayed, eager, strict=True))
    assert [result.step for result in replayed] == [result.step for result in eager]


def test_prompts_that_do_not_fit_together_are_read_in_parts_with_the_same_result(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = different_recipes(tiny_llama)
    whole = sweep(recipes, (), splits_of(recipes[0], tiny_table), Recorder(), Places(tmp_path / "whole"))
    original = target_log_likelihood
    tried: list[int] = []

    def small_memory(backbone: FrozenBackbone, virtual: torch.Tensor, batch: Batch, **options: bool) -> torch.Tensor:
        tried.append(len(batch.input_ids))
        if tried[-1] > 2:
            raise torch.OutOfMemoryError("out of memory")
        return original(backbone, virtual, batch, **options)

    monkeypatch.setattr(lamp.training.trainer, "target_log_likelihood", small_memory)
    recorder = Recorder()
    parts = sweep(recipes, (), splits_of(recipes[0], tiny_table), recorder, Places(tmp_path / "parts"))
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


def test_what_is_recorded_of_a_search_tells_which_rates_go_on_and_which_diverged(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging([4], monkeypatch)
    result, recorder = run(found(tiny_llama), tiny_table, tmp_path)
    values = {(step, name): value for step, line in recorder.values for name, value in line.items()}
    assert [key for key in values if key[1].endswith("diverged")] == [(2, "search/0.32/diverged")]
    decided: dict[int, list[tuple[float, str]]] = {}
    for (step, name), value in values.items():
        if name.endswith("goes_on"):
            decided.setdefault(step, []).append((value, name.split("/")[1]))
    assert {step: sorted(value for value, _ in rates) for step, rates in decided.items()} == {
        2: [0, 1, 1, 1, 1],
        4: [0, 1, 1, 1],
        6: [0, 1, 1],
        10: [0, 1],
    }
    assert (1.0, f"{result.learning_rate:g}") in decided[10]


def test_a_search_that_goes_on_with_fewer_steps_makes_up_for_the_comparisons_it_has_passed(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    long = found(tiny_llama, steps=400)
    assert run(long, tiny_table, tmp_path, stop_after=30)[0].step == 30
    result, recorder = run(found(tiny_llama, steps=40), tiny_table, tmp_path)
    losses = {
        float(name.split("/")[1]): value
        for step, values in recorder.values
        for name, value in values.items()
        if step == 30 and name.endswith("validation/loss") and name.startswith("search/")
    }
    assert len(losses) == 5 and result.learning_rate == min(losses, key=losses.__getitem__)
    assert not any(step > 31 and "search/0.01/loss" in values for step, values in recorder.values)


@pytest.mark.parametrize("stop_after", [None, 5])
def test_a_recipe_that_was_dropped_has_the_prompt_that_it_was_dropped_with(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, stop_after: int | None
) -> None:
    base = recipe(tiny_llama, evaluate_every=50)
    rates = [replace(base, train=replace(base.train, learning_rate=rate)) for rate in (0.04, 0.001)]
    splits = splits_of(base, tiny_table)
    if stop_after:
        sweep(rates, (Rung(3, 1),), splits, Recorder(stop_after), Places(tmp_path / "two"))
    results = sweep(rates, (Rung(3, 1),), splits, Recorder(), Places(tmp_path / "two"))
    lost = next(number for number, result in enumerate(results) if result.step == 3)
    alone, _ = run(rates[lost], tiny_table, tmp_path / "alone", stop_after=3)
    assert (results[lost].best_step, results[1 - lost].best_step) == (3, 12)
    assert close(results[lost], alone)
    assert not close(results[lost], results[1 - lost])


def test_recipes_of_one_rate_are_told_apart_by_what_differs(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    recipes, recorder = different_recipes(tiny_llama), Recorder()
    sweep(recipes, (Rung(4, 3), Rung(6, 2)), splits_of(recipes[0], tiny_table), recorder, Places(tmp_path))
    curves = {name.removesuffix("/loss") for _, values in recorder.values for name in values if "sweep" in name}
    names = [
        "learning_rate 0.04, seed 0, rank 4, pooling 5, interactions 2",
        "learning_rate 0.1, seed 0, rank 4, pooling 5, interactions 2",
        "learning_rate 0.04, seed 1, rank 4, pooling 5, interactions 2",
        "learning_rate 0.04, seed 0, rank 3, pooling 2, interactions 1",
    ]
    assert {f"sweep/{name}" for name in names} <= curves
    compared = [note for note in recorder.notes if note.startswith("Step 4: ") and "held-out loss" in note]
    assert [note.split(": ")[1].rsplit(", held")[0] for note in compared] == names
    assert "Comparing 4 recipes" in recorder.phases
    assert any(note.startswith("Going on with the recipes: learning_rate") for note in recorder.notes)


def test_each_recipe_of_a_sweep_starts_from_the_prompt_that_it_names(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    base = recipe(tiny_llama, steps=1)
    folders = {}
    for seed in (1, 2):
        result, _ = run(replace(base, train=replace(base.train, seed=seed)), tiny_table, tmp_path / f"{seed}")
        folders[f"run {seed}"] = tmp_path / f"prompt-{seed}"
        folders[f"run {seed}"].mkdir()
        save_factors(result.factors, folders[f"run {seed}"])
    again = [
        replace(
            base,
            lamp=replace(base.lamp, initial="prompt", initial_prompt=name),
            train=replace(base.train, learning_rate=1e-9),
        )
        for name in folders
    ]
    results = sweep(
        again, (), splits_of(base, tiny_table), Recorder(), Places(tmp_path / "sweep", trained_prompts=folders)
    )
    for result, folder in zip(results, folders.values(), strict=True):
        first = load_factors(folder, base.lamp).factors()
        assert all(torch.allclose(result.factors[name], first[name], atol=1e-6) for name in first)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"train": {"steps": 20}}, "but these also differ in train.steps: give them one value"),
        (
            {"train": {"batch_size": 2}, "data": {"target_column": "other"}},
            "but these also differ in train.batch_size and data.target_column: give them one value",
        ),
        ({}, "Two recipes of the sweep are the same"),
        ({"train": {"learning_rate": "found"}}, "The learning rates of a sweep must be numbers"),
    ],
)
def test_recipes_that_cannot_be_trained_side_by_side_are_refused(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, change: dict[str, dict[str, object]], sentence: str
) -> None:
    base = recipe(tiny_llama)
    sections: dict[str, Any] = {name: replace(getattr(base, name), **values) for name, values in change.items()}
    with pytest.raises(ConfigError, match=sentence):
        sweep([base, replace(base, **sections)], (), splits_of(base, tiny_table), Recorder(), Places(tmp_path))
