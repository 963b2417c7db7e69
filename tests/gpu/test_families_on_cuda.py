"""On a CUDA device, whose kernels round in other ways, a backbone is read in the same way as on a CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.config import Precision
from lamp.errors import BackboneError
from tests.every_family import NAMES, REFUSED, save_any_family

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("name", NAMES)
def test_a_family_is_read_or_refused_as_on_a_cpu(name: str, precision: Precision, tmp_path: Path) -> None:
    folder = str(save_any_family(tmp_path, name))
    if name in REFUSED:
        with pytest.raises(BackboneError, match=REFUSED[name]):
            FrozenBackbone.load(folder, precision=precision)
        return
    on_cuda = FrozenBackbone.load(folder, precision=precision)
    on_cpu = FrozenBackbone.load(folder, precision=precision, device=torch.device("cpu"))
    assert on_cuda.shared_columns == on_cpu.shared_columns
