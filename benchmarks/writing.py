"""How long a token of an answer takes, launched by Python and with recorded steps, and whether the texts are the same.

    python benchmarks/writing.py [--backbone FOLDER] [--shape SHAPE] [--batch 1 32] [--tokens 64] [--precision auto]

The model has a published shape, SmolLM2-135M's if none is named, and random weights; with --backbone it is the one in
the folder. A prompt of 20 virtual tokens stands before inputs of 32 tokens, and no token ends a text. Each time is that
of a whole batch, its inputs read, after one that was not measured; "first" is that one, with the recording.
Without a CUDA device the same code runs with a stand-in that records nothing: its times say nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import steps  # noqa: F401  # lets lamp be found
from random_models import SHAPES, random_model

INPUT, PROMPT = 32, 20
"""Tokens of each."""
TURNS = 3


class StandIn:
    """Repeats the step in place of a recording of it, on a device that has no CUDA graphs."""

    def record(self, body: Callable[[], Any]) -> Callable[[], Any]:
        return body


def backbone_of(folder: str | None, shape: str, precision: Any) -> Any:
    """The backbone in the folder, or an untrained one with the sizes of a published one."""
    from lamp.backbone.devices import default_device
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.backbone.precision import choose_dtype

    if folder:
        return FrozenBackbone.load(folder, precision=precision)

    class Tokenizer:
        """The ids that a backbone asks of its tokenizer; nothing here is text."""

        eos_token_id, pad_token_id = 1, 0

    device = default_device()
    model = random_model(shape, device.type, choose_dtype(precision, device, "llama"))
    return FrozenBackbone(model, Tokenizer(), shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backbone")
    parser.add_argument(
        "--shape", choices=[name for name in SHAPES if "d_kv" not in SHAPES[name]], default="smollm2-135m"
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp16", "fp32"], default="auto")
    options = parser.parse_args()
    import torch

    from lamp.backbone.cuda_graphs import CudaRecorder
    from lamp.backbone.decoding_graphs import DecodingGraphs
    from lamp.backbone.prefix import inference_prefix
    from lamp.backbone.writing import write

    torch.manual_seed(0)
    backbone = backbone_of(options.backbone, options.shape, options.precision)
    on_cuda = backbone.device.type == "cuda"
    name = torch.cuda.get_device_name() if on_cuda else "a CPU, with a stand-in for recordings: its times say nothing"
    print(f"{options.backbone or backbone.reference}, {backbone.dtype}, on {name}\n")
    recorded = DecodingGraphs(backbone, CudaRecorder if on_cuda else StandIn, 2**33)
    launched = DecodingGraphs(backbone, StandIn, 0)  # no memory: nothing is recorded
    prefix = inference_prefix(backbone, backbone.embed(torch.arange(5, 5 + PROMPT, device=backbone.device)))

    @torch.inference_mode()
    def timed(graphs: Any, ids: Any) -> tuple[float, Any]:
        backbone.decoding = graphs
        began = time.perf_counter()
        texts = write(backbone, [prefix] * len(ids), ids, torch.ones_like(ids), options.tokens, may_end=False)
        texts = texts.cpu()  # waits for the device
        return time.perf_counter() - began, texts

    print("| rows | steps | first | a token | tokens a second | same texts |\n| --- | --- | --- | --- | --- | --- |")
    for rows in options.batch:
        ids = torch.randint(5, len(backbone.embedding.weight), (rows, INPUT), device=backbone.device)
        wanted = None
        for way, graphs in (("launched by Python", launched), ("recorded", recorded)):
            first, texts = timed(graphs, ids)
            seconds = min(timed(graphs, ids)[0] for _ in range(TURNS))
            wanted = texts if wanted is None else wanted
            same = int((texts == wanted).all(dim=1).sum())
            told = f"{1e3 * seconds / options.tokens:.2f} ms | {rows * options.tokens / seconds:.0f}"
            print(f"| {rows} | {way} | {first:.2f} s | {told} | {same} of {rows} |", flush=True)
    if recorded.reason:
        print(f"\nNothing was recorded: {recorded.reason}.")
    elif options.tokens < 8:
        print("\nNothing was recorded: texts are too short.")


if __name__ == "__main__":
    main()
