"""What the studio says of a recipe before anything is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Settings
from app.studio import Studio
from lamp.config import TrainConfig, TuneConfig
from lamp.errors import ConfigError
from storage.database import open_database


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    settings = Settings.from_environment({"STUDIO_HOME": str(tmp_path)})
    return Studio(settings, open_database(settings.database_url))


@pytest.fixture
def config(studio: Studio, tiny_llama: Path) -> TuneConfig:
    return TuneConfig(str(tiny_llama), studio.guess_columns(studio.datasets()[0].reference))


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_weights_of_few_bits_are_refused_where_there_is_no_gpu_and_taken_where_there_is_one(
    studio: Studio, config: TuneConfig, bits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = studio.datasets()[0].reference
    small = replace(config, train=TrainConfig(quantization=bits))  # type: ignore[arg-type]  # one of its two values
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert studio.problems(config, dataset) == []
    with pytest.raises(ConfigError, match="want a CUDA GPU, and this machine has none"):
        studio.submit(small, dataset)
    assert studio.jobs() == []
    with_gpu = Studio(studio.settings, open_database(studio.settings.database_url))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert with_gpu.problems(small, dataset) == []
