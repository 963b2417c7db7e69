"""The backbones on this machine: which are listed, and which can be removed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.backbones.models import Missing
from app.backbones.stored import StoredBackbones
from app.studio import Studio
from lamp.config import TuneConfig
from lamp.errors import BackboneError
from lamp.hub.offline import REFERENCE, folder_name
from storage.database import open_database
from storage.jobs import JobStore
from tests.hub_cache import cache_backbone

QWEN = "Qwen/Qwen3-0.6B"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of huggingface_hub that is not there yet."""
    folder = tmp_path / "hub-cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


def store_of(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


def queue(studio: Studio, backbone: str) -> str:
    return store_of(studio).add("tickets", TuneConfig(backbone).to_dict(), "sample:x.csv", "x.csv", 10).id


def test_backbones_are_listed_with_what_they_take(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    assert studio.models.stored() == []
    cache_backbone(cache, QWEN, tiny_llama)
    (stored,) = studio.models.stored()
    size = sum(file.stat().st_size for file in tiny_llama.iterdir())
    assert (stored.reference, stored.bytes, stored.is_whole, stored.why_kept) == (QWEN, size, True, "")


def test_a_model_that_is_no_concern_of_the_studio_is_not_listed(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    snapshot = cache_backbone(cache, "acme/encoder", tiny_llama)
    (snapshot / "model.safetensors").unlink()
    assert studio.models.stored() == []


def test_a_backbone_that_was_downloaded_in_part_is_listed_as_such(
    studio: Studio, cache: Path, tiny_llama: Path
) -> None:
    snapshot = cache_backbone(cache, QWEN, tiny_llama)
    weights = snapshot / "model.safetensors"
    weights.resolve().rename(weights.resolve().with_suffix(".part"))
    weights.unlink()
    (stored,) = studio.models.stored()
    assert not stored.is_whole and not stored.why_kept
    studio.models.remove(QWEN)
    assert studio.models.stored() == [] and not list(cache.rglob("*.part"))


def test_a_removed_backbone_is_gone_and_the_others_stay(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    cache_backbone(cache, QWEN, tiny_llama)
    other = cache_backbone(cache, "acme/other", tiny_llama)
    freed = studio.models.remove(QWEN)
    assert freed == sum(file.stat().st_size for file in tiny_llama.iterdir())
    assert [stored.reference for stored in studio.models.stored()] == ["acme/other"]
    assert not (cache / "models--Qwen--Qwen3-0.6B").exists() and (other / "model.safetensors").is_file()
    with pytest.raises(BackboneError, match="is not among the downloaded backbones"):
        studio.models.remove(QWEN)


def test_a_backbone_that_an_unfinished_run_uses_stays(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    cache_backbone(cache, QWEN, tiny_llama)
    run = queue(studio, QWEN)
    with pytest.raises(BackboneError, match="The run 'tickets' uses it: stop that run, or wait"):
        studio.models.remove(QWEN)
    store_of(studio).request_stop(run)
    assert studio.models.remove(QWEN) > 0


def test_folders_in_the_home_are_listed_and_left_alone(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    copies = studio.settings.home / "backbones"
    for name in (folder_name(REFERENCE), "acme--mine"):
        shutil.copytree(tiny_llama, copies / name)
    kept = {stored.reference: stored.why_kept for stored in studio.models.stored()}
    assert "python -m lamp.hub.offline" in kept[REFERENCE] and "only its owner removes it" in kept["acme/mine"]
    for reference in (REFERENCE, "acme/mine", "../backbones/acme--mine", str(copies)):
        with pytest.raises(BackboneError):
            studio.models.remove(reference)
    assert (copies / "acme--mine" / "model.safetensors").is_file()


def test_strangers_cannot_remove_the_models_of_a_public_studio(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    cache_backbone(cache, QWEN, tiny_llama)
    public = StoredBackbones(replace(studio.settings, on_space=True), store_of(studio))
    with pytest.raises(BackboneError, match="public studio"):
        public.remove(QWEN)


def test_only_a_hub_id_that_is_not_here_can_be_downloaded(studio: Studio, cache: Path, tiny_llama: Path) -> None:
    cache_backbone(cache, QWEN, tiny_llama)
    assert studio.models.missing(QWEN) is None
    assert studio.models.missing(str(tiny_llama)) is None
    assert studio.models.missing("") is None
    assert studio.models.missing("acme/unknown") is None  # the Hub cannot be asked in tests


def test_what_an_earlier_download_has_brought_is_counted(
    studio: Studio, cache: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = cache_backbone(cache, QWEN, tiny_llama)
    described = studio._backbones.inspect(str(tiny_llama))
    weights = (snapshot / "model.safetensors").resolve()
    part = weights.with_suffix(".part")
    part.write_bytes(weights.read_bytes()[:100])
    weights.unlink()
    (snapshot / "model.safetensors").unlink()
    monkeypatch.setattr(studio._backbones, "inspect", lambda _: replace(described, stored_bytes=10**6))
    missing = studio.models.missing(QWEN)
    others = sum(file.stat().st_size for file in tiny_llama.iterdir() if file.suffix != ".safetensors")
    assert missing == Missing(here=others + 100, total=10**6)
