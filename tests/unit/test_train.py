"""What a training run leaves behind, and what it never touches."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file

from lamp.backbone.frozen import FrozenBackbone
from lamp.errors import BackboneError
from lamp.training.checkpoint import newest_checkpoint
from lamp.training.train import train
from tests.tiny import save_spiece, save_tiny
from tests.unit.training import Recorder, recipe, run, splits_of


def scores_by_step(recorder: Recorder) -> dict[int, dict[str, float]]:
    """Without step 0, which is the untrained backbone's."""
    return {step: values for step, values in recorder.values if "validation/loss" in values and step > 0}


@pytest.fixture(params=["tiny_llama", "tiny_t5"])
def backbone(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_no_backbone_weight_changes_in_a_training_run(
    backbone: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[FrozenBackbone] = []
    original = FrozenBackbone.load

    def remember(*args: object, **kwargs: object) -> FrozenBackbone:
        loaded.append(original(*args, **kwargs))  # type: ignore[arg-type]  # handed on as they came
        return loaded[-1]

    monkeypatch.setattr(FrozenBackbone, "load", remember)
    before = FrozenBackbone.load(str(backbone), precision="fp32").model.state_dict()
    run(recipe(backbone), tiny_table, tmp_path)
    after = loaded[-1].model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    stored = load_file(backbone / "model.safetensors")
    assert all(torch.equal(stored[name], after[name].cpu()) for name in stored)


def test_training_lowers_the_loss_and_moves_every_factor(backbone: Path, tiny_table: Path, tmp_path: Path) -> None:
    first, _ = run(recipe(backbone, steps=1), tiny_table, tmp_path / "one")
    result, recorder = run(recipe(backbone, steps=80, learning_rate=0.3), tiny_table, tmp_path / "sixty")
    losses = list(recorder.losses.values())
    assert sum(losses[-20:]) / 20 < 0.97 * sum(losses[:10]) / 10
    assert all(not torch.equal(result.factors[name], first.factors[name]) for name in ("u", "q", "v"))


def test_the_same_seed_gives_the_same_run(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    one, first = run(recipe(tiny_llama), tiny_table, tmp_path / "a")
    two, second = run(recipe(tiny_llama), tiny_table, tmp_path / "b")
    other, third = run(recipe(tiny_llama, seed=1), tiny_table, tmp_path / "c")
    assert first.losses == second.losses != third.losses
    assert torch.equal(one.virtual_tokens, two.virtual_tokens)
    assert not torch.equal(one.virtual_tokens, other.virtual_tokens)


@pytest.mark.parametrize("stop_after", [1, 5, 7, 11])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_stopped_and_resumed_run_is_bit_by_bit_the_one_that_never_stopped(
    backbone: Path, tiny_table: Path, tmp_path: Path, stop_after: int, accumulation: int
) -> None:
    config = recipe(backbone, accumulation=accumulation)
    whole, uninterrupted = run(config, tiny_table, tmp_path / "whole")
    stopped, before = run(config, tiny_table, tmp_path / "parts", stop_after)
    assert stopped.stopped
    assert stopped.step == stop_after
    resumed, after = run(config, tiny_table, tmp_path / "parts")
    assert not resumed.stopped
    assert {**before.losses, **after.losses} == uninterrupted.losses
    assert min(after.losses) == stop_after + 1
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))
    assert whole.final.scores == resumed.final.scores


def test_a_resumed_float16_run_keeps_the_scale_of_its_gradients(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = partial(torch.amp.GradScaler, init_scale=256.0, growth_interval=2)
    monkeypatch.setattr(torch.amp, "GradScaler", growing)
    config = recipe(tiny_llama, precision="fp16")
    whole, uninterrupted = run(config, tiny_table, tmp_path / "whole")
    run(config, tiny_table, tmp_path / "parts", stop_after=7)
    resumed, after = run(config, tiny_table, tmp_path / "parts")
    assert after.losses == {step: uninterrupted.losses[step] for step in after.losses}
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))
    scales = []
    for name in ("whole", "parts"):
        saved = newest_checkpoint(tmp_path / name)
        assert saved is not None
        scales.append(saved[1]["progress"]["candidates"][0]["gradient_scale"])
    assert scales[0] == scales[1]
    assert scales[0]["scale"] == 256.0 * 2**6


def test_scoring_says_how_far_it_is_and_how_long_it_took(backbone: Path, tiny_table: Path, tmp_path: Path) -> None:
    _, recorder = run(recipe(backbone), tiny_table, tmp_path)
    shares = {phase: [share for one, share in recorder.parts if one == phase] for phase, _ in recorder.parts}
    assert list(shares) == [
        "Scoring the untrained backbone",
        "Scoring on 12 held-out rows",
        "Testing on 6 test rows, without the prompt",
        "Testing on 6 test rows, with the prompt",
    ]
    assert all(0 <= share < 1 for share in shares["Scoring the untrained backbone"])
    took = {step: values["scoring_seconds"] for step, values in recorder.values if "scoring_seconds" in values}
    assert list(took) == [0, 5, 10, 12]
    assert all(seconds > 0 for seconds in took.values())


def test_each_score_comes_with_the_answers_to_the_same_rows_and_the_run_tells_its_memory(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    _, recorder = run(config, tiny_table, tmp_path)
    held_out = [example.row for example in splits_of(config, tiny_table).validation]
    assert [step for step, _ in recorder.sampled] == [0, 5, 10, 12]
    assert all([sample.row for sample in rows] == held_out[:3] for _, rows in recorder.sampled)
    assert {sample.answer for _, rows in recorder.sampled for sample in rows} <= {"positive", "negative"}
    peaks = [(step, values["peak_memory"]) for step, values in recorder.values if "peak_memory" in values]
    assert peaks[0][0] == 1 and 1e7 < peaks[0][1] < 1e12
    assert all(later[1] > 1.01 * earlier[1] for earlier, later in pairwise(peaks))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    whole, uninterrupted = run(recipe(tiny_llama), tiny_table, tmp_path / "whole")
    run(recipe(tiny_llama), tiny_table, tmp_path / "parts", stop_after=11)
    newest = max((tmp_path / "parts").glob("step-*"))
    content = bytearray((newest / "state.safetensors").read_bytes())
    content[-1] ^= 255
    (newest / "state.safetensors").write_bytes(bytes(content))
    resumed, after = run(recipe(tiny_llama), tiny_table, tmp_path / "parts")
    assert min(after.losses) == 11
    assert torch.equal(whole.factors["u"], resumed.factors["u"])
    assert after.losses == {step: uninterrupted.losses[step] for step in after.losses}


def test_a_run_without_progress_ends_early(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    result, recorder = run(
        recipe(tiny_llama, steps=100, evaluate_every=2, patience=2, learning_rate=1e-9), tiny_table, tmp_path
    )
    assert result.step < 100
    assert not result.stopped
    assert any("ending early" in note for note in recorder.notes)


def test_a_prompt_is_trained_for_a_backbone_whose_tokenizer_is_a_sentencepiece_model(
    tiny_table: Path, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path / "mt5", "mt5")
    save_spiece(folder)
    result, recorder = run(recipe(folder), tiny_table, tmp_path / "run")
    assert (result.step, result.encoder_decoder) == (12, True)
    assert not any(" inputs cut " in note for note in recorder.notes)
    stock = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    tokenizer = FrozenBackbone.load(str(folder)).tokenizer
    assert tokenizer("the film was good").input_ids == [*stock.encode("the film was good"), tokenizer.eos_token_id]


def test_a_backbone_that_is_not_there_is_one_sentence(tiny_table: Path, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot be loaded") as caught:
        run(recipe(tmp_path / "nowhere"), tiny_table, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_stop_in_the_middle_of_scoring_is_heard_and_the_score_is_made_up_for(
    backbone: Path, tiny_table: Path, tmp_path: Path
) -> None:
    class Impatient(Recorder):
        def should_stop(self) -> bool:
            return 5 in self.losses and self.phases[-1].startswith("Scoring")

    config = recipe(backbone)
    whole, uninterrupted = run(config, tiny_table, tmp_path / "whole")
    stopped = train(config, splits_of(config, tiny_table), Impatient(), tmp_path / "parts")
    assert (stopped.stopped, stopped.step) == (True, 5)
    resumed, after = run(config, tiny_table, tmp_path / "parts")
    assert scores_by_step(after) == scores_by_step(uninterrupted)
    assert after.losses == {step: loss for step, loss in uninterrupted.losses.items() if step > 5}
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))
    assert whole.final.scores == resumed.final.scores


def test_a_checkpoint_of_a_version_that_kept_confusions_is_resumed(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    whole, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "whole")
    run(recipe(tiny_llama), tiny_table, tmp_path / "parts", stop_after=7)
    [newest] = (tmp_path / "parts").glob("step-00000007/state.json")
    values = json.loads(newest.read_text())
    values["progress"]["candidates"][0]["best_confusion"] = [[6, 0], [1, 5]]
    newest.write_text(json.dumps(values))
    resumed, after = run(recipe(tiny_llama), tiny_table, tmp_path / "parts")
    assert min(after.losses) == 8, "it goes on from that checkpoint"
    assert all(torch.equal(whole.factors[name], resumed.factors[name]) for name in ("u", "q", "v"))


def changed_at_loading(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    """Lets every backbone that is loaded have these attributes."""
    load = FrozenBackbone.load

    def changed(*arguments: object, **options: object) -> FrozenBackbone:
        loaded = load(*arguments, **options)  # type: ignore[arg-type]  # handed on as they came
        vars(loaded).update(values)
        return loaded

    monkeypatch.setattr(FrozenBackbone, "load", changed)


def test_a_backbone_that_must_read_the_prompt_with_every_row_learns_the_same_and_the_log_says_so(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, recorder = run(recipe(tiny_llama), tiny_table, tmp_path / "shared")
    assert not any("reads the prompt again" in note for note in recorder.notes)
    changed_at_loading(monkeypatch, shared_columns=0)
    again, recorder = run(recipe(tiny_llama), tiny_table, tmp_path / "again")
    assert any(note.startswith("This backbone reads the prompt again with every row") for note in recorder.notes)
    assert all(torch.allclose(again.factors[name], shared.factors[name], atol=2e-3) for name in ("u", "q", "v"))


def test_rows_too_long_for_the_backbones_positions_are_refused_before_the_first_step(
    backbone: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed_at_loading(monkeypatch, longest_sequence=8)
    recorder = Recorder()
    config = recipe(backbone)
    with pytest.raises(BackboneError, match=r"The longest row takes \d+ positions with its prompt, and .* has 8"):
        train(config, splits_of(config, tiny_table), recorder, tmp_path)
    assert recorder.phases[-1] == "Reading the data"
