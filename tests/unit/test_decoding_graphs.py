"""Recorded steps of writing: the texts of transformers' own `generate`, and when steps are not recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from lamp.backbone.cuda_graphs import Recorder
from lamp.backbone.decoding_graphs import DecodingGraphs
from lamp.backbone.frozen import FrozenBackbone
from lamp.errors import BackboneError
from lamp.sampling import Sampling
from tests.decoding import Repeat, assert_same, prompts, written
from tests.tiny import save_tiny

FAMILIES = ["llama", "qwen3", "gpt2", "gemma", "opt"]
PLENTY = 2**30


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("decoding") / request.param, request.param)
    return FrozenBackbone.load(str(folder), precision="fp32")


@pytest.fixture(scope="module")
def llama(tiny_llama: Path) -> FrozenBackbone:
    return FrozenBackbone.load(str(tiny_llama), precision="fp32")


@pytest.fixture(autouse=True)
def _counted() -> Iterator[None]:
    Repeat.made = 0
    yield


def launch(backbone: FrozenBackbone) -> None:
    """Has every step launched by Python from now on."""
    backbone.decoding = DecodingGraphs(backbone, Repeat, PLENTY)
    backbone.decoding.reason = "not asked for"


def record(
    backbone: FrozenBackbone, recorder: Callable[[], Recorder[Tensor]] = Repeat, most_bytes: int = PLENTY
) -> DecodingGraphs:
    """Has steps recorded from now on."""
    backbone.decoding = DecodingGraphs(backbone, recorder, most_bytes)
    return backbone.decoding


def test_recorded_steps_write_what_generate_writes(family: FrozenBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes = prompts(family, 6, 0, 3, 6)
    launch(family)
    wanted = [written(family, prefixes), written(family, prefixes[:1] * 4), written(family, prefixes, seed=2)]
    graphs = record(family)
    ours = [written(family, prefixes), written(family, prefixes[:1] * 4), written(family, prefixes, seed=2)]
    assert (graphs.reason, Repeat.made) == ("", 1), "three batches of one shape"
    for recorded, launched in zip(ours, wanted, strict=True):
        assert_same(recorded, launched)
    end = int(wanted[0][0][1, 4])
    monkeypatch.setattr(family, "end_ids", [1, end])
    early = written(family, prefixes)
    launch(family)
    assert_same(early, written(family, prefixes))
    assert (early[0][1, 5:] == family.tokenizer.pad_token_id).all(), "a row that has ended is padded"


def test_recorded_steps_draw_what_generate_draws(family: FrozenBackbone) -> None:
    prefixes = prompts(family, 6, 0, 3)
    for sampling in (Sampling(temperature=1.5, seed=3), Sampling(temperature=0.8, top_p=0.9, seed=4)):
        before = torch.get_rng_state()
        launch(family)
        wanted = written(family, prefixes, sampling=sampling)
        record(family)
        ours = written(family, prefixes, sampling=sampling)
        assert torch.equal(ours[0], wanted[0])
        assert torch.equal(torch.get_rng_state(), before)


def test_a_text_that_ends_at_once_asks_for_no_step(llama: FrozenBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes = prompts(llama, 4)
    launch(llama)
    first = int(written(llama, prefixes)[0][0, 0])
    monkeypatch.setattr(llama, "end_ids", [1, first])
    wanted = written(llama, prefixes)
    record(llama)
    assert_same(written(llama, prefixes), wanted)
    assert wanted[0].shape == (1, 1)


def test_each_number_of_rows_and_each_size_of_cache_is_recorded_once(llama: FrozenBackbone) -> None:
    record(llama)
    for rows, tokens in ((1, 8), (2, 8), (1, 20), (2, 12), (1, 70), (1, 90), (2, 8)):
        written(llama, prompts(llama, *[4] * rows), tokens)
    assert Repeat.made == 3, "one row, two rows, and one row of more than 64 tokens"


def test_nothing_is_recorded_for_a_few_tokens_or_on_a_cpu(llama: FrozenBackbone) -> None:
    record(llama)
    written(llama, prompts(llama, 4), 7)
    assert Repeat.made == 0
    llama.decoding = None
    written(llama, prompts(llama, 4), 12)
    assert (llama.decoding is None) is (llama.device.type == "cpu")


def test_a_family_with_attention_windows_is_written_by_generate(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path, "gemma3")), precision="fp32")
    prefixes = prompts(backbone, 4, 2)
    launch(backbone)
    wanted = written(backbone, prefixes)
    graphs = record(backbone)
    assert_same(written(backbone, prefixes), wanted)
    assert (graphs.reason, Repeat.made) == ("not every layer attends to the whole text", 0)


class Refuse(Repeat):
    def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
        super().record(body)
        raise RuntimeError("operation not permitted when stream is capturing\nmore")


class Nothing(Repeat):
    """A recording of nothing, as of work on another stream: its result stays what it was."""

    def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
        result = super().record(body)()
        return lambda: result


class OnlyTheFirst(Repeat):
    """A recording of numbers that should have changed: each replay gives the logits of the first one."""

    def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
        step, first = super().record(body), []

        def replay() -> Tensor:
            logits = step()
            first.append(logits.clone())
            return logits.copy_(first[0])

        return replay


@pytest.mark.parametrize(
    ("recorder", "reason"),
    [(Refuse, "operation not permitted"), (Nothing, "other logits"), (OnlyTheFirst, "other logits")],
)
def test_after_a_recording_that_fails_or_differs_generate_writes(
    llama: FrozenBackbone, recorder: type[Repeat], reason: str
) -> None:
    prefixes = prompts(llama, 6, 0, 3)
    launch(llama)
    wanted = written(llama, prefixes)
    graphs = record(llama, recorder)
    for _ in range(2):
        assert_same(written(llama, prefixes), wanted)
    assert reason in graphs.reason and "\n" not in graphs.reason
    assert Repeat.made == 1, "it is not tried again"


def test_where_memory_is_too_small_only_that_shape_is_left_to_generate(llama: FrozenBackbone) -> None:
    class Small(Repeat):
        def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
            replay = super().record(body)
            if Repeat.made == 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return replay

    prefixes = prompts(llama, 6, 0, 3)
    launch(llama)
    wanted = written(llama, prefixes), written(llama, prefixes[:1])
    graphs = record(llama, Small)
    for _ in range(2):
        assert_same(written(llama, prefixes), wanted[0])
    assert (graphs.reason, Repeat.made) == ("", 1)
    assert_same(written(llama, prefixes[:1]), wanted[1])
    assert (graphs.reason, Repeat.made) == ("", 2)


def test_recordings_take_no_more_memory_than_they_may(llama: FrozenBackbone) -> None:
    layers = llama.model.config.num_hidden_layers
    width = llama.model.config.hidden_size // llama.model.config.num_attention_heads
    row = 2 * 4 * 64 * layers * width * llama.model.config.num_key_value_heads
    one, two, four = (prompts(llama, *[4] * rows) for rows in (1, 2, 4))
    record(llama, most_bytes=3 * row)
    for prefixes, recorded in ((one, 1), (two, 2), (one, 2), (two, 2), (four, 2)):
        written(llama, prefixes)
        assert Repeat.made == recorded
    record(llama, most_bytes=2 * row)
    for prefixes, recorded in ((one, 3), (two, 4), (one, 5)):  # each makes room for itself
        written(llama, prefixes)
        assert Repeat.made == recorded


def test_steps_are_recorded_anew_when_other_weights_stand_in_the_model(llama: FrozenBackbone) -> None:
    record(llama)
    prefixes = prompts(llama, 4)
    before = written(llama, prefixes)
    head = llama.model.lm_head
    kept = head.weight
    head.weight = Parameter(kept.flip(0).clone(), requires_grad=False)
    try:
        changed = written(llama, prefixes)
        assert Repeat.made == 2
        launch(llama)
        assert_same(changed, written(llama, prefixes))
    finally:
        head.weight = kept
    assert not torch.equal(changed[0], before[0])


def test_too_few_positions_are_the_same_error(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path, "gpt2")), precision="fp32")
    limit = backbone.longest_sequence
    assert limit is not None
    sentences = []
    for prepare in (launch, record):
        prepare(backbone)
        with pytest.raises(BackboneError) as refused:
            written(backbone, prompts(backbone, 4), limit)
        sentences.append(str(refused.value))
    assert sentences[0] == sentences[1]
    assert backbone.decoding is not None and not backbone.decoding.reason


def test_recordings_are_made_outside_inference_mode_whose_tensors_training_cannot_use(llama: FrozenBackbone) -> None:
    class Ask(Repeat):
        def record(self, body: Callable[[], Tensor]) -> Callable[[], Tensor]:
            assert not (torch.is_inference_mode_enabled() or torch.is_grad_enabled())
            return super().record(body)

    graphs = record(llama, Ask)
    with torch.inference_mode():
        written(llama, prompts(llama, 4))
    assert (graphs.reason, Repeat.made) == ("", 1)
    written(llama, prompts(llama, 4))
    assert (graphs.reason, Repeat.made) == ("", 1)
