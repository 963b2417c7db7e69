"""Several prompts of one run that vote: trained to the end, scored, exported and asked together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import inference_prefix
from lamp.cli import main
from lamp.config import TuneConfig
from lamp.data.encoding import Encoder
from lamp.errors import DataError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.inference.label_scores import label_log_likelihoods, vote
from lamp.inference.predict import predict_by_vote
from lamp.training.halving import Work, plan_of, work_left
from lamp.training.result import TrainResult
from tests.unit.training import recipe, run

LABELS = ("positive", "negative")


def voting(backbone: Path, **changes: object) -> TuneConfig:
    """A search of 20 steps, with rungs after 2, 3 and 5, of which two prompts vote."""
    return recipe(backbone, **{"learning_rate": "found", "voters": 2, "steps": 20, "evaluate_every": 10, **changes})


@pytest.fixture(scope="module")
def trained(tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainResult, Path]:
    """A run whose prompts vote, and the folder of its export."""
    folder = tmp_path_factory.mktemp("voters")
    config = voting(tiny_llama)
    result, _ = run(config, tiny_table, folder / "checkpoints")
    (folder / "out").mkdir()
    save_prompt(result, config, folder / "out")
    return result, folder / "out"


def test_the_last_two_of_a_search_are_trained_to_the_end_and_the_better_one_is_the_runs_prompt(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, recorder = run(voting(tiny_llama), tiny_table, tmp_path)
    steps: dict[str, int] = {}
    for step, values in recorder.values:
        steps |= {name.split("/")[1]: step for name in values if name.startswith("search/") and name.endswith("/loss")}
    assert sorted(steps.values()) == [2, 2, 3, 20, 20]
    assert len(result.voters) == 1 and result.step == 20
    at_the_end = [note for note in recorder.notes if note.startswith("Step 20, learning rate")]
    assert len(at_the_end) == 2, "both were scored"
    said = next(note for note in recorder.notes if "by the vote of 2 prompts" in note)
    assert result.final.vote_scores is not None
    assert f"accuracy {result.final.vote_scores['accuracy']:.4g}" in said


def test_at_a_fixed_rate_prompts_of_several_seeds_vote(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama, voters=3, seed=5)
    result, _ = run(config, tiny_table, tmp_path / "three")
    alone = [
        run(recipe(tiny_llama, seed=seed), tiny_table, tmp_path / f"{seed}")[0].virtual_tokens for seed in (5, 6, 7)
    ]
    ours = [result.virtual_tokens, *(voter.virtual_tokens for voter in result.voters)]
    for own in alone:
        assert sum(torch.allclose(own, virtual, atol=2e-3) for virtual in ours) == 1


def test_a_vote_is_the_mean_of_the_probabilities() -> None:
    likelihoods = torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]]).log()
    assert torch.allclose(vote(likelihoods).exp(), torch.tensor([[0.55, 0.45]]))


@pytest.mark.parametrize("stop_after", [1, 4, 12])
def test_a_run_whose_prompts_vote_goes_on_exactly_after_a_stop(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, stop_after: int
) -> None:
    whole, _ = run(voting(tiny_llama), tiny_table, tmp_path / "whole")
    run(voting(tiny_llama), tiny_table, tmp_path / "parts", stop_after)
    resumed, _ = run(voting(tiny_llama), tiny_table, tmp_path / "parts")
    assert torch.equal(whole.virtual_tokens, resumed.virtual_tokens)
    assert [
        torch.equal(one.virtual_tokens, other.virtual_tokens)
        for one, other in zip(whole.voters, resumed.voters, strict=True)
    ] == [True]
    assert whole.final == resumed.final


def test_a_run_that_is_stopped_while_it_searches_has_one_prompt(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, _ = run(voting(tiny_llama), tiny_table, tmp_path, stop_after=1)
    assert (result.step, result.voters) == (1, ())


def test_texts_are_written_by_the_best_prompt_alone(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = voting(tiny_llama)
    config = replace(config, data=replace(config.data, task="generation"))
    result, _ = run(config, tiny_table, tmp_path)
    assert (result.voters, result.final.vote_scores) == ((), None)


def test_an_export_holds_the_others_beside_the_adapter_and_gives_them_back(
    trained: tuple[TrainResult, Path], tiny_llama: Path
) -> None:
    result, folder = trained
    assert [file.name for file in (folder / "voters").iterdir()] == ["2.safetensors"]
    saved = load_prompt(folder)
    expected = [result.virtual_tokens, result.voters[0].virtual_tokens]
    assert all(torch.equal(ours, own) for ours, own in zip(saved.voters, expected, strict=True))
    assert result.final.vote_scores is not None
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["vote_accuracy"] == result.final.vote_scores["accuracy"]
    assert "`voters/` holds 1 more prompts" in (folder / "README.md").read_text()
    (folder / "voters" / "2.safetensors").rename(folder / "away")
    with pytest.raises(DataError, match="whole exported prompt"):
        load_prompt(folder)
    (folder / "away").rename(folder / "voters" / "2.safetensors")


def test_a_new_export_leaves_no_voters_of_an_earlier_one(
    trained: tuple[TrainResult, Path], tiny_llama: Path, tmp_path: Path
) -> None:
    result, _ = trained
    save_prompt(result, voting(tiny_llama), tmp_path)
    save_prompt(replace(result, voters=()), voting(tiny_llama), tmp_path)
    assert not (tmp_path / "voters").exists()
    assert len(load_prompt(tmp_path).voters) == 1, "itself"


def test_answers_by_vote_are_the_mean_of_what_each_prompt_says(
    trained: tuple[TrainResult, Path], tiny_llama: Path
) -> None:
    saved = load_prompt(trained[1])
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=saved.config.data)
    inputs = encoder.inputs(
        ["text: a dull film\nlabel:", "text: the plot was bright and the music great\nlabel:"], [""] * 2
    )
    prefixes = [inference_prefix(backbone, prompt) for prompt in saved.voters]
    answers = predict_by_vote(backbone, prefixes, encoder, inputs, saved.labels)
    alone = [label_log_likelihoods(backbone, [one] * 2, encoder, inputs, saved.labels).exp() for one in prefixes]
    for row, answer in enumerate(answers):
        expected = torch.stack(alone).mean(dim=0)[row]
        assert list(answer.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-5)
        assert answer.text == saved.labels[int(expected.argmax())]


def test_the_command_line_answers_and_scores_by_vote(
    trained: tuple[TrainResult, Path], tiny_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = trained
    scores = []
    for option in ([], ["--vote"]):
        assert main(["evaluate", str(folder), "--data", str(tiny_table), *option]) == 0
        scores.append(json.loads(capsys.readouterr().out))
    assert scores[0].keys() == scores[1].keys() and scores[0]["loss"] != scores[1]["loss"]
    answers = []
    for option in ([], ["--vote"]):
        assert main(["predict", str(folder), "--data", str(tiny_table), "--rows", "3", *option]) == 0
        answers.append([json.loads(line)["probabilities"] for line in capsys.readouterr().out.splitlines()])
    assert answers[0] != answers[1]
    assert main(["predict", str(folder), "--data", str(tiny_table), "--vote", "--untrained"]) == 1
    assert "exclude each other" in capsys.readouterr().err


def test_a_prompt_without_others_says_so_when_it_is_asked_for_a_vote(
    trained: tuple[TrainResult, Path],
    tiny_llama: Path,
    tiny_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_prompt(replace(trained[0], voters=()), voting(tiny_llama), tmp_path)
    assert main(["evaluate", str(tmp_path), "--data", str(tiny_table), "--vote"]) == 1
    assert "holds one prompt alone, so there is no vote" in capsys.readouterr().err


def test_the_work_that_is_left_counts_every_prompt_that_votes(tiny_llama: Path) -> None:
    train = voting(tiny_llama).train
    first, second = (rung.step for rung in plan_of(train)[1])
    assert plan_of(train)[1][-1].keep == 2
    assert work_left(train).steps == 5 * first + 3 * (second - first) + 2 * (20 - second)
    assert work_left(train).scorings == 5 + 3 + 2 * 2
    assert work_left(replace(train, learning_rate=0.1)) == Work(40, 4)
