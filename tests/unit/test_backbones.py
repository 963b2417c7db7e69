"""The offered backbones: in which order, and what is said of each without asking the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.backbones.offered import OFFERED
from app.backbones.registry import Backbones
from app.machine.devices import Device
from app.settings import Settings
from app.ui.tune.backbone_text import card
from lamp.errors import BackboneError
from lamp.hub.catalog import is_hub_id
from tests.hub_cache import cache_backbone

LAPTOP = Device(is_gpu=False, memory_bytes=16 * 10**9, has_bf16=False)
LARGE = "Qwen/Qwen3-4B"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of huggingface_hub."""
    folder = tmp_path / "hub-cache"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def backbones(tmp_path: Path, cache: Path) -> Backbones:
    return Backbones(Settings.from_environment({"STUDIO_HOME": str(tmp_path / "home")}))


def test_backbones_are_offered_by_size(backbones: Backbones) -> None:
    choices = backbones.choices(LAPTOP)
    sizes = [choice.offered.parameters for choice in choices]
    assert sizes == sorted(sizes) and len(sizes) == len(OFFERED)
    assert not any(choice.is_local for choice in choices)


def test_a_backbone_in_the_hubs_cache_comes_first(backbones: Backbones, cache: Path, tiny_llama: Path) -> None:
    cache_backbone(cache, LARGE, tiny_llama)
    first = backbones.choices(LAPTOP)[0]
    assert (first.reference, first.is_local) == (LARGE, True)
    assert "on this machine" in card(first) and "run" not in card(first)
    assert card(first, 250.0).count("on this machine · about 4 min for a recommended run") == 1


def test_a_backbone_of_which_a_file_is_missing_is_not_on_this_machine(
    backbones: Backbones, cache: Path, tiny_llama: Path
) -> None:
    (cache_backbone(cache, LARGE, tiny_llama) / "model.safetensors").unlink()
    assert not backbones.is_local(LARGE)


def test_every_offered_id_is_one_that_the_hub_takes_and_stands_there_once() -> None:
    references = [offered.reference for offered in OFFERED]
    assert all("/" in reference and is_hub_id(reference) for reference in references)
    assert len(set(references)) == len(references)


def test_a_card_says_what_a_backbone_is_good_for_and_its_facts(backbones: Backbones) -> None:
    cards = {choice.reference: card(choice) for choice in backbones.choices(LAPTOP)}
    assert cards["Qwen/Qwen3-0.6B"].split("\n") == [
        "Qwen3-0.6B",
        "A good all-rounder for a small GPU, in over 100 languages.",
        "596 M parameters · causal · Apache-2.0 · 1.5 GB to download",
    ]
    assert " · Llama 3.2 licence · gated · 2.5 GB" in cards["meta-llama/Llama-3.2-1B-Instruct"]
    assert "too large" not in cards["HuggingFaceTB/SmolLM3-3B"] and "too large" in cards["Qwen/Qwen3-4B"]
    assert "encoder-decoder" in cards["google/flan-t5-base"] and "990 MB" in cards["google/flan-t5-base"]


@pytest.mark.parametrize(
    "named", ["/etc", "app/../../../../etc", "app/../../../../nosuch", "~root", "./lamp", "a" * 300]
)
def test_on_a_space_nobody_is_told_which_folders_exist(tmp_path: Path, named: str) -> None:
    settings = Settings.from_environment({"SPACE_ID": "ada/prompts", "STUDIO_HOME": str(tmp_path)})
    for ask in (Backbones(settings).inspect, Backbones(settings).source):
        with pytest.raises(BackboneError, match=r"^Folders cannot be used on this studio: write a Hub id"):
            ask(named)
