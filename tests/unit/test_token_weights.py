"""What each virtual token adds is what the expected labels' probability loses without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from app.answering.answer import Answer, Request
from app.answering.predictor import Predictor
from app.answering.token_weights import TokenWeights, read_weights, some_of, weigh_tokens, write_weights
from app.ui.runs import inspect_html
from lamp.errors import DataError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.inference.inspection import InspectedToken, Inspection
from tests.unit.training import recipe, run


class Answering:
    """An Answerer that answers at once, in this process."""

    def __init__(self) -> None:
        self.predictor = Predictor()

    def answers(self, request: Request, on_progress: Callable[[str], None]) -> list[Answer]:
        return self.predictor.answers(request, on_progress)


def test_the_probability_with_all_tokens_and_without_each(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, tmp_path / "run")
    folders = []
    for name, tokens in (("whole", result.virtual_tokens), ("without", result.virtual_tokens[[0, 2, 3]])):
        folder = tmp_path / name
        folder.mkdir()
        save_prompt(replace(result, virtual_tokens=tokens), config, folder)
        folders.append(str(folder))
    inputs = tuple({"text": f"a film of {number} parts"} for number in range(3))
    request = Request(folders[0], str(tiny_llama), inputs)
    labels, said = list(load_prompt(Path(folders[0])).labels), list[tuple[float, str]]()
    expected = [labels[number % 2] for number in range(3)]
    answering: Any = Answering()
    found = weigh_tokens(answering, request, expected, 4, lambda share, text: said.append((share, text)))

    def mean(folder: str) -> float:
        answers = answering.answers(replace(request, folder=folder), lambda _: None)
        return sum(a.tuned_probabilities[label] for a, label in zip(answers, expected, strict=True)) / 3

    assert found.rows == 3 and found.whole == pytest.approx(mean(folders[0]), abs=1e-6)
    assert len(found.added) == 4
    assert found.added[1] == pytest.approx(mean(folders[0]) - mean(folders[1]), abs=1e-5)
    assert len({round(one, 9) for one in found.added}) > 1
    assert said[-1] == (0.8, "Scoring without token 4 of 4")


def test_what_a_token_adds_to_texts_is_the_loss_that_grows_without_it(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    config = replace(config, data=replace(config.data, task="generation"))
    result, _ = run(config, tiny_table, tmp_path / "run")
    folders = []
    for name, tokens in (("whole", result.virtual_tokens), ("without", result.virtual_tokens[[0, 2, 3]])):
        folder = tmp_path / name
        folder.mkdir()
        save_prompt(replace(result, virtual_tokens=tokens), config, folder)
        folders.append(str(folder))
    expected = ("positive", "negative", "positive")
    inputs = tuple({"text": f"a film of {number} parts"} for number in range(3))
    request = Request(folders[0], str(tiny_llama), inputs)
    answering: Any = Answering()
    found = weigh_tokens(answering, request, expected, 4, lambda *_: None, labels=False)

    def loss(folder: str) -> float:
        answers = answering.answers(replace(request, folder=folder, expected=expected), lambda _: None)
        assert all(answer.tuned == "" for answer in answers), "nothing is written"
        return sum(answer.loss or 0.0 for answer in answers) / 3

    assert found.of_texts and found.whole == pytest.approx(loss(folders[0]), abs=1e-6)
    assert found.added[1] == pytest.approx(loss(folders[1]) - loss(folders[0]), abs=1e-5)
    write_weights(found, tmp_path / "weights.json")
    assert read_weights(tmp_path / "weights.json") == found
    said = inspect_html.weighed(found)
    assert f"On 3 tested rows the loss of the expected text is {found.whole:.3f}" in said
    seen = Inspection((InspectedToken((), (("word", 0.5),), 0.0),) * 4, (), (), 0.5)
    assert inspect_html.tokens(seen, found).count(" of the loss</td>") == 4


def test_a_prompt_of_one_token_is_nothing_without_it(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, tmp_path / "run")
    folder = tmp_path / "one"
    folder.mkdir()
    save_prompt(replace(result, virtual_tokens=result.virtual_tokens[:1]), config, folder)
    request = Request(str(folder), str(tiny_llama), ({"text": "a film"},), without=0)
    answer = Predictor().answers(request)[0]
    assert answer.tuned_probabilities == pytest.approx(answer.untrained_probabilities, abs=1e-5)


def test_a_prompt_answers_in_the_number_format_that_it_was_trained_in(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    result, _ = run(recipe(tiny_llama), tiny_table, tmp_path / "run")
    predictor = Predictor()
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp32", torch.float32)):
        folder = tmp_path / precision
        folder.mkdir(exist_ok=True)
        save_prompt(result, recipe(tiny_llama, precision=precision), folder)
        predictor.answers(Request(str(folder), str(tiny_llama), ({"text": "a film"},)))
        assert predictor._loaded is not None and predictor._loaded.backbone.dtype == dtype


def test_rows_are_chosen_at_even_distances() -> None:
    assert some_of([9, 3, 5]) == [3, 5, 9]
    assert some_of(list(range(320))) == list(range(0, 320, 10))


def test_weights_are_kept_and_shown_beside_their_tokens(tmp_path: Path) -> None:
    weights, file = TokenWeights(30, 0.8, (0.25, -0.1, 0.001)), tmp_path / "kept" / "weights.json"
    assert read_weights(file) is None
    write_weights(weights, file)
    assert read_weights(file) == weights
    seen = Inspection((InspectedToken((), (("word", 0.5),), 0.0),) * 3, (), (), 0.5)
    html = inspect_html.tokens(seen, weights)
    assert "+25.0 points" in html and "−10.0 points" in html and "Adds" in html
    assert "Adds" not in inspect_html.tokens(seen, None)
    said = inspect_html.weighed(weights)
    assert "On 30 tested rows" in said and "1 of 3 add next to nothing" in said
    file.write_text("[]")
    with pytest.raises(DataError, match="cannot be read"):
        read_weights(file)
