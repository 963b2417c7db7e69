"""What the benchmarks of a training step share: their rows, LAMP's own step, and how processes take turns."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lamp.process import prepare_process  # noqa: E402  # found by the line above

prepare_process()

OFFLINE = ROOT / "studio-data/backbones/HuggingFaceTB--SmolLM2-135M-Instruct"
WARM_UP = 2
"""Steps of each variant that are not measured."""


def device_name() -> str:
    """What computes here: the name of the CUDA device, or "cpu"."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def parse_rate(text: str) -> float | str:
    """A learning rate as an option gives it: a number, or "found"."""
    return text if text == "found" else float(text)


def rows_of(data: Path, backbone: str) -> tuple[Any, list[Any]]:
    """The studio's encoder and the encoded training rows of a data set, the same for every variant."""
    from transformers import AutoTokenizer

    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table

    table = read_table(data)
    config = guess_columns(table)
    encoder = Encoder(AutoTokenizer.from_pretrained(backbone), is_encoder_decoder=False, config=config)
    return encoder, encoder.encode(prepare(table, config).train)


def lamp_step(
    backbone: str,
    encoder: Any,
    rows: list[Any],
    quantization: Any = "none",
    *,
    recomputed: bool = False,
    compiled: bool = False,
) -> Callable[[list[int]], object]:
    """One training step of LAMP's default recipe on the rows with the given indices."""
    from lamp.training.step import train_step

    trainer = lamp_trainer(backbone, encoder, rows, quantization, recomputed=recomputed, compiled=compiled)
    return lambda indices: train_step(trainer, [rows[index] for index in indices], learning_rate=0.04)


def lamp_trainer(
    backbone: str,
    encoder: Any,
    rows: list[Any],
    quantization: Any = "none",
    *,
    recomputed: bool = False,
    compiled: bool = False,
) -> Any:
    """The PromptTrainer of LAMP's default recipe, as training puts it together; it reads any batch at once."""
    from functools import partial

    from lamp.backbone.frozen import FrozenBackbone
    from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
    from lamp.config import LampConfig, TrainConfig
    from lamp.initializers import initial_prompt
    from lamp.prompt import LampPrompt
    from lamp.training.trainer import PromptTrainer

    frozen = FrozenBackbone.load(backbone, quantization=quantization)
    if recomputed:
        enable_gradient_checkpointing(frozen.model)
    if compiled:
        frozen.compile()
    config = LampConfig()
    first = initial_prompt(frozen, config, (), [row.input_ids for row in rows], 0)
    prompt = LampPrompt.from_matrix(first, config)
    settings = TrainConfig(batch_size=len(rows))
    return PromptTrainer.create(frozen, [prompt], partial(encoder.batch, device=frozen.device), settings)


def peak_bytes() -> int:
    """The peak of this process' memory, on the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def take_turns(connection: Any, step: Callable[[list[int]], object]) -> None:
    """Takes one step for each list of row indices that comes, and tells its seconds, until None comes."""
    import torch

    while (indices := connection.recv()) is not None:
        began = time.perf_counter()
        step(indices)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        connection.send(time.perf_counter() - began)


def batches(rows: int, batch: int) -> Iterator[list[int]]:
    """Consecutive rows: neither sorted by length nor chosen."""
    start = 0
    while True:
        yield [(start + number) % rows for number in range(batch)]
        start += batch
