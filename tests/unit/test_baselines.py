"""The other ways that a prompt is compared with: each is made as it should be, and leaves the backbone as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.baselines.compare import try_ways
from lamp.baselines.search import Training, train_at_found_rate
from lamp.baselines.trained import PlainPrompt, lora
from lamp.baselines.ways import (
    TRAINED,
    WAYS,
    Request,
    WayResult,
    keep_result,
    proposed_instruction,
    read_ways,
)
from lamp.baselines.written import examples_text, instruction_text, read_behind
from lamp.config import DataConfig, LampConfig, TrainConfig
from lamp.data.conversation import to_cell
from lamp.data.encoding import Encoder
from lamp.data.splits import Example, Splits
from lamp.errors import ConfigError, DataError, TrainingError
from lamp.inference.evaluate import HeldOut, evaluate
from lamp.training.trainer import PromptTrainer
from tests.tiny import save_tiny
from tests.unit.test_step_graphs import Repeat
from tests.unit.training import Recorder, recipe, splits_of

FAMILIES = ["llama", "t5"]
INSTRUCTION = "answer with positive or negative ."
TEXTS = ["the film was good", "it was a very dull and awful film . the acting was bad", "good"]
LABELS = ("positive", "negative")


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("backbones") / request.param, request.param)
    return FrozenBackbone.load(str(folder), precision="fp32")


def encoder_of(backbone: FrozenBackbone, **data: Any) -> Encoder:
    config = DataConfig(("text",), "label", **data)
    return Encoder(
        backbone.tokenizer,
        is_encoder_decoder=backbone.is_encoder_decoder,
        config=config,
        labels=LABELS,
        settled_weight=0.1,
    )


def held_out(encoder: Encoder, texts: Sequence[str], before: str = "") -> HeldOut:
    examples = [Example(f"{before}text: {text} answer:", "positive", " answer:", row) for row, text in enumerate(texts)]
    return HeldOut(examples, encoder.encode(examples), LABELS)


def test_a_text_before_the_inputs_is_read_as_part_of_them(backbone: FrozenBackbone) -> None:
    encoder, text = encoder_of(backbone), instruction_text(INSTRUCTION)
    whole = evaluate(backbone, None, encoder, held_out(encoder, TEXTS, text))
    virtual, longer, rows = read_behind(backbone, encoder, text, held_out(encoder, TEXTS))
    behind = evaluate(backbone, virtual, longer, rows)
    assert behind.predictions == whole.predictions
    assert behind.scores["loss"] == pytest.approx(whole.scores["loss"], abs=1e-5)
    without = evaluate(backbone, None, encoder, held_out(encoder, TEXTS))
    assert behind.scores["loss"] != pytest.approx(without.scores["loss"], abs=1e-5)


def test_a_text_before_the_inputs_does_not_cut_them_shorter(backbone: FrozenBackbone) -> None:
    encoder, text = encoder_of(backbone, max_input_tokens=16), "label " * 12
    long = "the film was good and " * 10
    before = held_out(encoder, [long]).encoded[0].input_ids
    virtual, _, rows = read_behind(backbone, encoder, text, held_out(encoder, [long, "bad film"]))
    ids = rows.encoded[0].input_ids
    assert len(virtual) + len(ids) == len(before) + len(backbone.tokenizer(text, add_special_tokens=False).input_ids)
    assert ids[-2:] == before[-2:], "the template's end is never cut"


def test_a_text_stands_inside_the_message_of_a_chat_template(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32")
    backbone.tokenizer.chat_template = "question {{ messages[0]['content'] }} summary"
    encoder = encoder_of(backbone, input_format="chat")
    virtual, _, rows = read_behind(backbone, encoder, "label ", held_out(encoder, TEXTS))
    table = backbone.embed(torch.arange(len(backbone.tokenizer)))
    shared = [int((table - vector).norm(dim=1).argmin()) for vector in virtual]
    assert backbone.tokenizer.decode([*shared, *rows.encoded[0].input_ids]) == (
        "question label text: the film was good answer: summary"
    )


def test_examples_take_turns_over_the_labels_and_are_at_most_sixteen(backbone: FrozenBackbone) -> None:
    targets = ["positive"] * 60 + ["negative"] * 10
    train = [Example(f"text {number} label:", target, "", number) for number, target in enumerate(targets)]
    rows = held_out(encoder_of(backbone), TEXTS).encoded
    text, number = examples_text(backbone, train, rows, seed=0)
    assert number == 16
    assert text.count("label: positive\n\n") == text.count("label: negative\n\n") == 8
    assert examples_text(backbone, train, rows, seed=0) == (text, 16)
    assert examples_text(backbone, train, rows, seed=1) != (text, 16)


def test_as_many_examples_are_shown_as_fit_the_backbones_window(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32")
    rows = held_out(encoder_of(backbone), TEXTS)
    train = [Example("good " * 60 + "label:", "positive", "", number) for number in range(40)]
    text, number = examples_text(backbone, train, rows.encoded, seed=0)
    assert 1 <= number < 16
    virtual, longer, behind = read_behind(backbone, encoder_of(backbone), text, rows)
    assert evaluate(backbone, virtual, longer, behind).predictions, "they fit: nothing was refused"
    with pytest.raises(DataError, match="Not even one training row fits"):
        examples_text(backbone, [replace(train[0], text="good " * 900)], rows.encoded, seed=0)


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5", "bart", "qwen3"])
def test_lora_leaves_nothing_in_the_backbone(tmp_path: Path, family: str) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / family, family)), precision="fp32")
    encoder = encoder_of(backbone)
    rows = held_out(encoder, TEXTS)
    names, before = [name for name, _ in backbone.model.named_modules()], evaluate(backbone, None, encoder, rows)
    with lora(backbone) as module:
        assert sum(weight.numel() for weight in module.parameters()) > 0
        assert evaluate(backbone, module(), encoder, rows).scores == before.scores, "it begins with nothing added"
        with torch.no_grad():
            for weight in module.parameters():
                weight.normal_(generator=torch.Generator().manual_seed(0))
        assert evaluate(backbone, module(), encoder, rows).scores != before.scores
    assert [name for name, _ in backbone.model.named_modules()] == names
    assert not any(weight.requires_grad for weight in backbone.model.parameters())
    assert evaluate(backbone, None, encoder, rows).scores == before.scores


def training_of(backbone: FrozenBackbone, splits: Splits, steps: int = 20) -> Training:
    encoder = encoder_of(backbone)
    rows, validation = encoder.encode(splits.train), encoder.encode(splits.validation)
    settings = TrainConfig(steps=steps, batch_size=8, evaluate_every=5)
    return Training(backbone, encoder, rows, HeldOut(splits.validation, validation, LABELS), settings, lambda _: None)


def first_prompt(backbone: FrozenBackbone) -> PlainPrompt:
    return PlainPrompt(0.5 * torch.randn(4, backbone.hidden_size, generator=torch.Generator().manual_seed(0)))


def test_the_rate_that_learns_is_found_and_the_best_weights_are_left(tiny_t5: Path, tiny_table: Path) -> None:
    backbone = FrozenBackbone.load(str(tiny_t5), precision="fp32")
    training = training_of(backbone, splits_of(recipe(Path("x")), tiny_table), steps=60)

    def loss(module: PlainPrompt) -> float:
        with torch.inference_mode():
            return evaluate(backbone, module(), training.encoder, training.validation).scores["loss"]

    module = first_prompt(backbone)
    before = loss(module)
    shares: list[float] = []
    trained = train_at_found_rate(training, module, (1e-7, 0.2), shares.append)
    assert (trained.learning_rate, trained.rate_at_edge) == (0.2, True)
    assert loss(module) < before
    assert shares == sorted(shares) and 0.8 < shares[-1] <= 1
    again = first_prompt(backbone)
    train_at_found_rate(training, again, (1e-7, 0.2), lambda _: None)
    assert torch.equal(again.rows, module.rows), "the same steps lead to the same weights"


class Breaks(PlainPrompt):
    """A prompt whose numbers are none once they have become large."""

    def forward(self) -> torch.Tensor:
        return self.rows if self.rows.abs().max() < 100 else self.rows * math.nan


def breaking_prompt(backbone: FrozenBackbone) -> Breaks:
    return Breaks(first_prompt(backbone).rows)


def test_a_rate_whose_loss_is_no_number_is_dropped(backbone: FrozenBackbone, tiny_table: Path) -> None:
    training = training_of(backbone, splits_of(recipe(Path("x")), tiny_table))
    module = breaking_prompt(backbone)
    assert train_at_found_rate(training, module, (1e4, 0.01), lambda _: None).learning_rate == 0.01
    assert torch.isfinite(module.rows).all()
    with pytest.raises(TrainingError, match="no finite number"):
        train_at_found_rate(training, breaking_prompt(backbone), (1e4, 1e5), lambda _: None)


class StopsAfter(Recorder):
    """Asks for a stop once so many ways are kept."""

    def __init__(self, kept: list[WayResult], number: float = math.inf) -> None:
        super().__init__()
        self.kept, self.number = kept, number

    def should_stop(self) -> bool:
        return len(self.kept) >= self.number


def tried(
    backbone: FrozenBackbone, splits: Splits, ways: Sequence[str] = WAYS, stop_after: float = math.inf, **more: Any
) -> list[WayResult]:
    kept: list[WayResult] = []
    config = recipe(Path(backbone.reference), checkpoint_every=100)
    config = replace(config, lamp=more.pop("lamp", config.lamp))
    all_done = try_ways(
        config,
        splits,
        Request(tuple(ways), INSTRUCTION),
        8,
        StopsAfter(kept, stop_after),
        kept.append,
        comparison="c",
        **more,
    )
    assert all_done == math.isinf(stop_after)
    return kept


def test_every_way_answers_the_tested_rows_at_the_cost_that_is_told(backbone: FrozenBackbone, tiny_table: Path) -> None:
    splits = splits_of(recipe(Path("x")), tiny_table)
    results = {result.way: result for result in tried(backbone, splits)}
    assert list(results) == list(WAYS)
    for result in results.values():
        assert not result.problem and result.comparison == "c"
        assert set(result.row_scores) == {example.row for example in splits.test}
        assert sum(result.row_scores.values()) / len(splits.test) == pytest.approx(result.scores["accuracy"])
    width = backbone.hidden_size
    assert [results[way].numbers for way in WAYS[:4]] == [0, 0, 4 * width, 20 * width]
    assert [results[way].tokens for way in ("plain", "long_plain", "lora")] == [4, 20, 0]
    assert results["instruction"].text == INSTRUCTION + "\n\n"
    assert 0 < results["instruction"].tokens < results["examples"].tokens
    assert results["lora"].numbers > 0 and results["lora"].bytes == 4 * results["lora"].numbers
    assert all(results[way].learning_rate and results[way].steps == 8 for way in TRAINED)


def test_ways_that_are_finished_are_not_tried_again_and_the_others_come_out_the_same(
    backbone: FrozenBackbone, tiny_table: Path
) -> None:
    splits, ways = splits_of(recipe(Path("x")), tiny_table), ("instruction", "plain", "lora")
    whole = tried(backbone, splits, ways)
    begun = tried(backbone, splits, ways, stop_after=1)
    assert [result.way for result in begun] == ["instruction"]
    rest = tried(backbone, splits, ways, finished=["instruction"])
    assert [replace(result, seconds=0) for result in (*begun, *rest)] == [
        replace(result, seconds=0) for result in whole
    ]


def test_a_way_that_cannot_be_tried_keeps_no_other_from_it(backbone: FrozenBackbone, tiny_table: Path) -> None:
    if backbone.longest_sequence is None:
        pytest.skip("It takes any number of tokens.")
    long = LampConfig(prompt_length=600, rank=4, pooling=5)
    results = tried(backbone, splits_of(recipe(Path("x")), tiny_table), ("long_plain", "lora"), lamp=long)
    assert "positions with its prompt" in results[0].problem and not results[0].scores
    assert results[1].scores and not results[1].problem


def test_texts_are_written_and_scored_row_by_row(backbone: FrozenBackbone, tiny_table: Path) -> None:
    config = recipe(Path("x"))
    config = replace(config, data=replace(config.data, task="generation", max_target_tokens=4, max_written_rows=3))
    kept: list[WayResult] = []
    splits = splits_of(config, tiny_table)
    config = replace(config, backbone=backbone.reference)
    try_ways(config, splits, Request(("examples", "plain"), ""), 4, Recorder(), kept.append, "c")
    assert [sorted(result.row_scores) for result in kept] == [[example.row for example in splits.test[:3]]] * 2
    assert all("rouge_l" in result.scores for result in kept)


def test_results_are_kept_by_way_and_belong_to_one_prompt(tmp_path: Path) -> None:
    file = tmp_path / "ways.json"
    assert read_ways(file, "monday") == ()
    lora_result = WayResult("lora", {"accuracy": 0.5}, {3: 1.0, 7: 0.0}, numbers=9, comparison="a")
    keep_result(lora_result, file, "monday")
    keep_result(WayResult("instruction", comparison="a", problem="No."), file, "monday")
    keep_result(replace(lora_result, comparison="b"), file, "monday")
    assert read_ways(file, "monday") == (
        WayResult("instruction", comparison="a", problem="No."),
        replace(lora_result, comparison="b"),
    )
    assert read_ways(file, "tuesday") == ()
    keep_result(lora_result, file, "tuesday")
    assert read_ways(file, "tuesday") == (lora_result,)
    file.write_text('{"made_for": "tuesday", "results": [1]}')
    with pytest.raises(DataError, match="cannot be read"):
        read_ways(file, "tuesday")


def test_an_instruction_is_proposed_from_the_labels_or_the_target() -> None:
    assert proposed_instruction(["good", "bad"], "label") == "Answer with one of: good, bad."
    assert proposed_instruction([], "summary") == "Write the summary, and nothing else."
    assert proposed_instruction(["a long label"] * 60, "topic") == "Write the topic, and nothing else."


def test_a_request_is_checked_as_a_whole() -> None:
    with pytest.raises(ConfigError, match="'prayer' is no way") as raised:
        Request(("prayer", "instruction"), " ").check()
    assert "Write the instruction" in raised.value.problems[1]
    with pytest.raises(ConfigError, match="at least one way"):
        Request(()).check()


def test_a_conversation_behind_a_text_is_read_as_one_message_and_not_as_json(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32")
    turns = to_cell([("user", "film"), ("assistant", "good"), ("user", "bad film")])
    encoder = encoder_of(backbone)
    example = Example(turns, "positive", template_suffix="", row=0)
    other = Example("bad", "negative", template_suffix="", row=1)
    rows = HeldOut([example, other], encoder.encode([example, other]), LABELS)
    _, _, behind = read_behind(backbone, encoder, "label ", rows)
    read = backbone.tokenizer.decode(behind.encoded[0].input_ids)
    assert "user" in read and "{" not in read
    text, number = examples_text(backbone, [example] * 3, rows.encoded, 0)
    assert number == 3 and text.startswith("user:\nfilm\nassistant:\ngood\nuser:\nbad film positive")


def test_candidates_of_a_search_share_recorded_steps_and_learn_what_eager_ones_do(
    tiny_llama: Path, tiny_table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    splits = splits_of(recipe(tiny_llama), tiny_table)
    eager, recorded = first_prompt(backbone), first_prompt(backbone)
    train_at_found_rate(training_of(backbone, splits), eager, (0.01, 0.1, 0.3), lambda _: None)
    create, recorder = PromptTrainer.create, Repeat()

    def recording(*arguments: Any) -> PromptTrainer:
        trainer = create(*arguments)
        trainer.record_with(recorder)
        return trainer

    monkeypatch.setattr(PromptTrainer, "create", recording)
    train_at_found_rate(training_of(backbone, splits), recorded, (0.01, 0.1, 0.3), lambda _: None)
    shapes = 4
    assert 0 < recorder.recorded <= 2 * shapes
    assert torch.allclose(eager.rows, recorded.rows, atol=1e-3)
