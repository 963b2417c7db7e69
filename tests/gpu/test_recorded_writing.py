"""Texts on a CUDA device, whose steps are recorded and replayed, against the same texts launched by Python."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lamp.backbone.cuda_graphs import CudaRecorder
from lamp.backbone.decoding_graphs import DecodingGraphs
from lamp.backbone.frozen import FrozenBackbone
from lamp.sampling import GREEDY, Sampling
from tests.decoding import assert_same, prompts, written
from tests.tiny import save_tiny

pytestmark = pytest.mark.gpu

DRAWN = Sampling(temperature=1.2, top_p=0.9, seed=5)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "gemma", "opt"])
def test_replayed_steps_write_what_generate_writes(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replays: list[int] = []
    original = torch.cuda.CUDAGraph.replay

    def count(graph: torch.cuda.CUDAGraph) -> None:
        replays.append(1)
        original(graph)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", count)
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path, family)), precision="fp32")
    prefixes = prompts(backbone, 6, 0, 3, 6)
    batches = [(prefixes, GREEDY), (prefixes[:1], GREEDY), (prefixes[:1] * 4, GREEDY), (prefixes, DRAWN)]
    backbone.decoding = DecodingGraphs(backbone, CudaRecorder, 0)
    wanted = [written(backbone, batch, 40, sampling) for batch, sampling in batches]
    assert not replays, "nothing may be recorded in no memory"
    backbone.decoding = None
    for (batch, sampling), launched in zip(batches, wanted, strict=True):
        before = len(replays)
        assert_same(written(backbone, batch, 40, sampling), launched)
        assert backbone.decoding is not None and not backbone.decoding.reason
        assert len(replays) - before >= launched[0].shape[1] - 1
