"""Recorded steps: what is padded, when a shape is recorded, and that replaying changes nothing but the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from lamp.backbone.batch import Batch
from lamp.backbone.cuda_graphs import CudaRecorder
from lamp.backbone.forward import target_log_likelihood
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import DataConfig, LampConfig, TrainConfig
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.prompt import LampPrompt
from lamp.training.buckets import bucketed
from lamp.training.step import train_step
from lamp.training.step_graphs import Measured
from lamp.training.trainer import PromptTrainer
from tests.tiny import save_tiny

WORDS = ("good", "bad", "dull", "bright", "great", "awful", "fine", "poor")


class Repeat:
    """A recorder for any device: it repeats the step itself, on the memory that a recording would read."""

    def __init__(self) -> None:
        self.recorded = 0

    def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
        self.recorded += 1
        return body

    def seconds(self, replay: Callable[[], Measured]) -> float:
        """The later a way comes, the faster it is."""
        replay()
        return 1.0 / self.recorded


class Refuse:
    def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
        body()  # a recording breaks off somewhere in the middle
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    def seconds(self, replay: Callable[[], Measured]) -> float:
        raise AssertionError("Nothing was recorded.")


def rows_of(backbone: FrozenBackbone, words: Sequence[str]) -> tuple[Encoder, list[Encoded]]:
    config = DataConfig(("text",), "label")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config)
    return encoder, encoder.encode(
        [Example(f"the film was {word} " * (1 + n % 3), word, "") for n, word in enumerate(words)]
    )


def trainer_of(folder: Path, lines: list[str]) -> tuple[PromptTrainer, list[Encoded]]:
    torch.manual_seed(0)
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    encoder, rows = rows_of(backbone, WORDS)
    config = LampConfig(prompt_length=10, rank=4)
    prompt = LampPrompt.from_matrix(torch.randn(10, backbone.hidden_size), config)
    collate = partial(encoder.batch, device=backbone.device)
    trainer = PromptTrainer.create(backbone, [prompt], collate, TrainConfig(batch_size=4), lines.append)
    trainer.graphs = None  # each test says whether and how steps are recorded
    return trainer, rows


@pytest.fixture(params=["tiny_llama", "tiny_t5"])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def test_a_batch_padded_to_its_bucket_has_the_same_likelihoods(folder: Path) -> None:
    backbone = FrozenBackbone.load(str(folder), precision="fp32")
    encoder, rows = rows_of(backbone, WORDS)
    plain = encoder.batch(rows, backbone.device)
    padded = bucketed(plain, pad_left=not backbone.is_encoder_decoder)
    virtual_tokens = torch.randn(5, backbone.hidden_size).to(backbone.device)
    assert padded.input_ids.shape[1] % 16 == 0 and padded.input_ids.shape[1] > plain.input_ids.shape[1]
    expected = target_log_likelihood(backbone, virtual_tokens, plain)
    assert torch.allclose(target_log_likelihood(backbone, virtual_tokens, padded), expected, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3", "gpt2", "opt"])
def test_prompt_and_rows_read_in_one_pass_have_the_likelihoods_of_two(family: str, tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path, family)), precision="fp32")
    encoder, rows = rows_of(backbone, WORDS)
    batch = encoder.batch(rows, backbone.device)
    virtual_tokens = torch.randn(5, backbone.hidden_size).to(backbone.device).requires_grad_()
    likelihoods, gradients = [], []
    for one_pass in (False, True):
        likelihood = target_log_likelihood(backbone, virtual_tokens, batch, one_pass=one_pass)
        likelihoods.append(likelihood.detach())
        gradients.append(torch.autograd.grad(likelihood.sum(), virtual_tokens)[0])
    assert torch.allclose(likelihoods[0], likelihoods[1], atol=1e-4)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "targets", "shape"), [(1, 1, (16, 1)), (16, 2, (16, 2)), (17, 3, (32, 4)), (129, 5, (160, 8))]
)
def test_lengths_grow_to_few_sizes(inputs: int, targets: int, shape: tuple[int, int]) -> None:
    ids, answers = torch.ones(2, inputs, dtype=torch.long), torch.ones(2, targets, dtype=torch.long)
    padded = bucketed(Batch(ids, ids, answers, answers, answers.float()), pad_left=True)
    assert (padded.input_ids.shape[1], padded.target_ids.shape[1]) == shape
    assert padded.input_mask.sum() == 2 * inputs and padded.target_weights.sum() == 2 * targets
    assert padded.input_mask[:, -1].all() and padded.target_mask[:, 0].all()


def test_replayed_steps_give_the_losses_and_factors_of_eager_ones(folder: Path) -> None:
    losses: dict[str, list[float]] = {}
    factors: dict[str, list[torch.Tensor]] = {}
    for name in ("eager", "recorded"):
        trainer, rows = trainer_of(folder, [])
        recorder = Repeat()
        if name == "recorded":
            trainer.record_with(recorder)
        batches = [rows[:4], rows[4:], rows[2:6], rows[:4], rows[4:]]
        losses[name] = [train_step(trainer, batch, 1e-2).loss for batch in batches]
        factors[name] = [parameter.detach() for parameter in trainer.prompts[0].prompt.parameters()]
        assert (recorder.recorded > 0) == (name == "recorded")
    assert losses["recorded"] == pytest.approx(losses["eager"], rel=1e-5)
    for ours, expected in zip(factors["recorded"], factors["eager"], strict=True):
        assert torch.allclose(ours, expected, atol=1e-4)


def test_a_shape_that_comes_once_is_not_recorded(tiny_llama: Path) -> None:
    trainer, rows = trainer_of(tiny_llama, [])
    recorder = Repeat()
    trainer.record_with(recorder)
    train_step(trainer, rows[:4], 1e-2)
    train_step(trainer, rows[:3], 1e-2)
    assert recorder.recorded == 0


def test_where_recording_fails_the_run_goes_on_eagerly_from_where_it_was_and_says_so_once(tiny_llama: Path) -> None:
    eager, rows = trainer_of(tiny_llama, [])
    lines: list[str] = []
    trainer, _ = trainer_of(tiny_llama, lines)
    trainer.record_with(Refuse())
    expected = [train_step(eager, rows[:4], 1e-2).loss for _ in range(4)]
    assert [train_step(trainer, rows[:4], 1e-2).loss for _ in range(4)] == pytest.approx(expected, rel=1e-5)
    assert trainer.collate(rows[:4]).input_ids.shape == eager.collate(rows[:4]).input_ids.shape
    assert lines == [
        "Steps are not recorded as CUDA graphs (operation not permitted when stream is capturing): "
        "they take longer, and are as exact."
    ]


def test_a_backbone_that_cannot_be_recorded_is_not_tried_again_with_fewer_prompts_nor_after_a_resume(
    tiny_llama: Path,
) -> None:
    class Counting(Refuse):
        tried = 0

        def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
            self.tried += 1
            return super().record(body)

    lines: list[str] = []
    trainer, rows = trainer_of(tiny_llama, lines)
    recorder = Counting()
    trainer.record_with(recorder)
    for _ in range(2):
        train_step(trainer, rows[:4], 1e-2)
    tried = recorder.tried
    trainer.keep([0], 4)
    assert trainer.graphs is not None
    resumed, _ = trainer_of(tiny_llama, lines)
    resumed.record_with(recorder)
    assert resumed.graphs is not None
    resumed.graphs.restore(json.loads(json.dumps(trainer.graphs.state())))
    for one in (trainer, resumed):
        for _ in range(2):
            train_step(one, rows[:4], 1e-2)
    assert (recorder.tried, len(lines)) == (tried, 1)


def test_where_memory_was_too_small_for_a_recording_fewer_prompts_are_tried_again_and_the_log_says_so_once(
    tiny_llama: Path,
) -> None:
    class Full(Refuse):
        tried = 0

        def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
            self.tried += 1
            raise torch.OutOfMemoryError("out of memory")

    lines: list[str] = []
    trainer, rows = trainer_of(tiny_llama, lines)
    recorder = Full()
    trainer.record_with(recorder)
    for _ in range(2):
        train_step(trainer, rows[:4], 1e-2)
    tried = recorder.tried
    trainer.keep([0], 4)
    for _ in range(2):
        train_step(trainer, rows[:4], 1e-2)
    assert recorder.tried == 2 * tried
    assert ["the memory is too small for it" in line for line in lines] == [True]


def test_a_batch_is_not_padded_beyond_the_positions_of_its_backbone(tmp_path: Path) -> None:
    read: list[int] = []
    for family in ("llama", "bart"):
        trainer, rows = trainer_of(save_tiny(tmp_path / family, family), [])
        backbone = trainer.backbone
        trainer.micro_batch = len(rows)
        longest = max(row.length for row in rows)
        backbone.longest_sequence = longest + 2 + 1  # of 2 virtual tokens; 16 more would be the next bucket
        check = backbone.check_length

        def checked(mask: torch.Tensor, behind: int = 0, check: Callable[..., None] = check) -> None:
            read.append(mask.shape[1] + behind)
            check(mask, behind)

        backbone.check_length = checked  # type: ignore[method-assign]
        recorder = Repeat()
        trainer.record_with(recorder)
        read.clear()
        for _ in range(2):
            train_step(trainer, rows, 1e-2)
        assert recorder.recorded > 0
        assert max(read) <= backbone.longest_sequence


def test_a_batch_whose_rows_fit_but_whose_columns_do_not_is_taken_eagerly_and_others_are_recorded(
    tiny_llama: Path,
) -> None:
    lines: list[str] = []
    trainer, rows = trainer_of(tiny_llama, lines)
    longest = sorted(rows, key=lambda row: len(row.input_ids))[-1]
    other = Encoded(longest.input_ids[:4], (*longest.input_ids[:6], *longest.target_ids))
    trainer.backbone.longest_sequence = 2 + longest.length
    recorder = Repeat()
    trainer.record_with(recorder)
    for _ in range(3):
        train_step(trainer, [longest, other], 1e-2)
    assert (recorder.recorded, lines) == (0, [])
    for _ in range(3):
        train_step(trainer, [longest, longest], 1e-2)
    assert recorder.recorded > 0


def test_a_way_that_cannot_be_recorded_leaves_the_other_one(tiny_llama: Path) -> None:
    class RefuseFirst(Repeat):
        def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
            if not self.recorded:
                self.recorded = 1
                return Refuse().record(body)
            return super().record(body)

    lines: list[str] = []
    trainer, rows = trainer_of(tiny_llama, lines)
    trainer.record_with(RefuseFirst())
    eager, _ = trainer_of(tiny_llama, [])
    expected = [train_step(eager, rows[:4], 1e-2).loss for _ in range(4)]
    assert [train_step(trainer, rows[:4], 1e-2).loss for _ in range(4)] == pytest.approx(expected, rel=1e-4)
    assert trainer.graphs is not None
    assert (trainer.graphs.way, lines) == (1, [])


def test_a_resumed_run_records_what_was_recorded_before(tiny_llama: Path) -> None:
    first, rows = trainer_of(tiny_llama, [])
    first.record_with(Repeat())
    for _ in range(2):
        train_step(first, rows[:4], 1e-2)
    assert first.graphs is not None
    resumed, _ = trainer_of(tiny_llama, [])
    recorder = Repeat()
    resumed.record_with(recorder)
    assert resumed.graphs is not None
    resumed.graphs.restore(json.loads(json.dumps(first.graphs.state())))
    train_step(resumed, rows[:4], 1e-2)
    assert (recorder.recorded, resumed.graphs.way) == (1, first.graphs.way)


def test_a_recording_that_computes_something_else_is_not_used(tiny_llama: Path) -> None:
    class Wrong(Repeat):
        def record(self, body: Callable[[], Measured]) -> Callable[[], Measured]:
            def replay() -> Measured:
                loss, norm = body()
                return loss + 1, norm

            return replay

    lines: list[str] = []
    trainer, rows = trainer_of(tiny_llama, lines)
    trainer.record_with(Wrong())
    eager, _ = trainer_of(tiny_llama, [])
    expected = [train_step(eager, rows[:4], 1e-2).loss for _ in range(3)]
    assert [train_step(trainer, rows[:4], 1e-2).loss for _ in range(3)] == pytest.approx(expected, rel=1e-5)
    assert ["another loss" in line for line in lines] == [True]


@pytest.mark.parametrize(("seconds", "way"), [((1.0, 0.95), 0), ((1.0, 0.8), 1), ((0.5, 1.0), 0)])
def test_another_way_is_recorded_only_where_it_is_clearly_faster(
    tiny_llama: Path, seconds: tuple[float, float], way: int
) -> None:
    class Timed(Repeat):
        def seconds(self, replay: Callable[[], Measured]) -> float:
            self.timed = getattr(self, "timed", -1) + 1
            return seconds[self.timed]

    trainer, rows = trainer_of(tiny_llama, [])
    trainer.record_with(Timed())
    for _ in range(2):
        train_step(trainer, rows[:4], 1e-2)
    assert trainer.graphs is not None and trainer.graphs.way == way


def test_an_optimizers_state_is_put_back_where_a_recording_reads_it(tiny_llama: Path) -> None:
    trainer, rows = trainer_of(tiny_llama, [])
    optimizer = trainer.prompts[0]
    factors = {name: value.detach().clone() for name, value in optimizer.prompt.named_parameters()}

    def losses() -> list[float]:
        for name, value in optimizer.prompt.named_parameters():
            value.data.copy_(factors[name])
        return [train_step(trainer, rows[:4], 1e-2).loss for _ in range(3)]

    expected = losses()
    moments = {name: value.clone() for name, value in optimizer.moments().items()}
    read = optimizer.changed_tensors()
    optimizer.restore({}, None)  # as before the first step
    assert losses() == expected
    optimizer.restore(moments, None)
    now = optimizer.changed_tensors()
    assert all(now[name] is tensor for name, tensor in read.items())
    assert all(torch.equal(value, moments[name]) for name, value in optimizer.moments().items())


def test_recordings_share_a_pool_of_memory_that_ends_with_the_last_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[int | None] = []

    class Graph:
        """Stands for torch's, which refuses a pool whose recordings are all gone."""

        def pool(self) -> int:
            return len(pools)

        def replay(self) -> None: ...

    @contextmanager
    def capture(graph: Graph, pool: int | None) -> Iterator[None]:
        pools.append(pool)
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    recorder = CudaRecorder()
    recordings = [recorder.record(lambda: 1)]
    recordings.append(recorder.record(lambda: 2))
    recordings.clear()
    recordings.append(recorder.record(lambda: 3))
    assert pools == [None, 1, None]
