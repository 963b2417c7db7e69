"""Two prompts blended or one after the other, and how the mix scores beside each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from app.answering.answer import Answer, Mix, Request
from app.answering.mix_scores import MixScores, score_prompts
from app.answering.predictor import Predictor
from app.ui.runs import mix_html
from lamp.config import Task
from lamp.errors import DataError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.inference.mixing import blend, one_after_the_other
from tests.unit.training import recipe, run

torch.manual_seed(0)
A, B = torch.randn(4, 8), torch.randn(4, 8)
INPUTS = tuple({"text": f"a film of {number} parts"} for number in range(3))


class Answering:
    """An Answerer that answers at once, in this process."""

    def __init__(self) -> None:
        self.predictor = Predictor()

    def answers(self, request: Request, on_progress: Callable[[str], None]) -> list[Answer]:
        return self.predictor.answers(request, on_progress)


def folders(backbone: Path, table: Path, tmp_path: Path, prompts: Sequence[torch.Tensor], task: Task) -> list[str]:
    """Exported prompts of the same recipe with these virtual tokens."""
    config = recipe(backbone, steps=1)
    config = replace(config, data=replace(config.data, task=task, max_input_tokens=40, max_target_tokens=12))
    result, _ = run(config, table, tmp_path / "run")
    made = []
    for number, tokens in enumerate(prompts):
        folder = tmp_path / str(number)
        folder.mkdir()
        save_prompt(replace(result, virtual_tokens=tokens), config, folder)
        made.append(str(folder))
    return made


def test_a_blend_of_all_of_a_prompt_is_that_prompt_bit_for_bit() -> None:
    assert torch.equal(blend(A, B, 1.0), A) and torch.equal(blend(A, B, 0.0), B)
    assert torch.allclose(blend(A, B, 0.25), 0.25 * A + 0.75 * B)
    assert torch.equal(one_after_the_other(A, B[:0]), A)
    assert torch.equal(one_after_the_other(A, B)[4:], B)


def test_prompts_of_different_lengths_are_not_blended() -> None:
    with pytest.raises(DataError, match="Prompts of 4 and 3 virtual tokens cannot be blended: choose another of 4"):
        blend(A, B[:3], 0.5)


@pytest.mark.parametrize("task", ["classification", "generation"])
def test_a_mix_answers_as_the_prompt_that_it_amounts_to(
    task: Task, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    first, second = torch.randn(4, 32), torch.randn(4, 32)
    prompts = [first, second, torch.lerp(second, first, 0.5), torch.cat([first, second]), torch.randn(600, 32)]
    one, two, half, both, long = folders(tiny_llama, tiny_table, tmp_path, prompts, task)
    predictor, expected = Predictor(), () if task == "classification" else ("good", "bad film", "good")
    request = Request(one, str(tiny_llama), INPUTS, untrained=False, expected=expected)

    def said(folder: str, mix: Mix | None = None) -> list[Answer]:
        return predictor.answers(replace(request, folder=folder, mix=mix))

    assert said(one, Mix(two, "blend", 1.0)) == said(one) == said(one, Mix(one, "alone"))
    assert said(one, Mix(two, "blend", 0.0)) == said(one, Mix(two, "alone")) == said(two)
    assert said(one, Mix(two, "blend", 0.5)) == said(half)
    assert said(one, Mix(two, "after")) == said(both)
    assert said(one) != said(two) != said(both)
    with pytest.raises(DataError, match="need 656 positions, and this model has 512"):
        said(one, Mix(long, "after"))


def test_the_loss_of_an_expected_text_is_the_one_that_training_measures(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    config = replace(config, data=replace(config.data, task="generation"))
    result, _ = run(config, tiny_table, tmp_path / "run")
    folder = tmp_path / "prompt"
    folder.mkdir()
    save_prompt(result, config, folder)
    rows = {number: line.split(",") for number, line in enumerate(tiny_table.read_text().splitlines()[1:])}
    tested = [rows[answer.row] for answer in result.final.answers]
    assert len(tested) == result.final.rows
    request = Request(
        str(folder), str(tiny_llama), tuple({"text": text} for text, _ in tested), expected=tuple(t for _, t in tested)
    )
    losses = [answer.loss or 0.0 for answer in Predictor().answers(request)]
    assert sum(losses) / len(losses) == pytest.approx(result.final.scores["loss"], abs=1e-5)


def test_a_mix_is_scored_beside_both_prompts_on_the_same_rows(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    one, two = folders(tiny_llama, tiny_table, tmp_path, [torch.randn(4, 32) for _ in range(2)], "classification")
    labels = load_prompt(Path(one)).labels
    inputs = tuple({"text": f"a film of {number} parts"} for number in range(40))
    expected = [labels[number % 2] for number in range(40)]
    answering: Any = Answering()
    told: list[tuple[float, str]] = []
    own, other, mixed = score_prompts(
        answering,
        Request(one, str(tiny_llama), inputs),
        expected,
        Mix(two, "blend", 1.0),
        lambda share, text: told.append((share, text)),
        labels=True,
    )
    answers = answering.answers(Request(one, str(tiny_llama), inputs), lambda _: None)
    right = [float(answer.tuned == label) for answer, label in zip(answers, expected, strict=True)]
    assert own == mixed == right and len(other) == 40
    assert told[-1][1] == "Scoring the other prompt: 32 of 40 rows" and told[-1][0] < 1
    shares = [share for share, _ in told]
    assert shares == sorted(shares)


def test_scores_of_a_mix_say_what_they_are_of_and_how_to_read_them() -> None:
    found = MixScores("accuracy", (1.0, 1.0, 0.0, 1.0), (0.0,) * 4, (1.0, 0.0, 0.0, 1.0), 40, 3)
    html = mix_html.scores(found, "mine", "<theirs>", "blend", 30)
    assert "75.0 %" in html and "50.0 %" in html and "Blend, 30 % and 70 %" in html
    assert "&lt;theirs&gt; has learned from 3 of them, which flatters it and the mix" in html and "<theirs>" not in html
    assert "On 4 of the 40 rows" in html and "solve the task in the same way" in html
    texts = replace(found, metric="loss", of_rows=4, learned=None)
    html = mix_html.scores(texts, "mine", "theirs", "after", 50)
    assert "Loss, the lower the better" in html and "0.750" in html and "is not known" in html
    assert "do not disturb each other" in html
