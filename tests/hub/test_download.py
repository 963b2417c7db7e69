"""Downloading backbones: only what is needed, going on after a break, ended when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.conftest import ADA, Run, contents
from tests.hub.repositories import Account
from tests.hub.server import Hub
from tests.hub.test_publish import HASTE
from tests.tiny import save_tiny

DOWNLOAD = """
import huggingface_hub.constants
huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = 50_000
from lamp.hub import download as downloading
from lamp.hub.download import download
from lamp.errors import BackboneError
downloading._REPORT_SECONDS = 0
seen = []
try:
    folder = download(arguments[0], lambda done, total: seen.append((done, total)))
    answer({"names": sorted(path.name for path in folder.iterdir()), "seen": seen})
except BackboneError as error:
    answer({"error": str(error), "seen": seen})
"""
PROCESS = """
import time
from app.hub.download_process import run_download
from app.backbones.registry import Backbones
from app.settings import Settings
seen = []
def until(stop):
    return run_download(arguments[0], lambda *bytes: seen.append(bytes), stop)
backbones = Backbones(Settings.from_environment())
"""


@pytest.fixture
def large(hub: Hub, tiny_llama: Path) -> Path:
    """acme/large, whose weights take 3 MB."""
    hub.add("acme/large", {**contents(tiny_llama), "model.safetensors": bytes(range(250)) * 12_000})
    return tiny_llama


def blobs(home: Path, suffix: str = "") -> list[Path]:
    return [path for path in home.rglob(f"blobs/*{suffix}") if path.is_file()]


def test_only_what_a_backbone_is_loaded_from_is_downloaded(hub: Hub, run: Run, tiny_llama: Path) -> None:
    needed = contents(tiny_llama)
    more = {
        "pytorch_model.bin": b"\x80\x04.",
        "modeling_tiny.py": b"1",
        "onnx/model.safetensors": b"1",
        "README.md": b"",
    }
    hub.add("acme/tiny", {**needed, **more, "model-00001-of-00002.safetensors": b"1"})
    result = run(DOWNLOAD, "acme/tiny").result
    assert result["names"] == sorted(needed)
    total = sum(map(len, needed.values()))
    assert result["seen"][-1] == [total, total]
    done = [bytes[0] for bytes in result["seen"]]
    assert done == sorted(done)
    local = "from lamp.hub.cached import cached_folder\nanswer(cached_folder('acme/tiny') is not None)"
    assert run(local).result is True


def test_a_backbone_in_several_files_is_whole_after_its_download(hub: Hub, run: Run, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    whole = save_tiny(tmp_path / "whole", "qwen2")
    AutoModelForCausalLM.from_pretrained(whole).save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    files = {**contents(whole), **contents(tmp_path / "shards")}
    del files["model.safetensors"]
    hub.add("acme/shards", files)
    assert run(DOWNLOAD, "acme/shards").result["names"] == sorted(files)
    hub.stop()
    described = "from lamp.hub.catalog import inspect\nanswer(inspect('acme/shards').architecture)"
    assert run(described).result == "causal"


def test_a_download_goes_on_at_the_byte_where_the_connection_broke(
    hub: Hub, run: Run, large: Path, tmp_path: Path
) -> None:
    hub.break_download_after = 1_300_000
    broken = run(HASTE + DOWNLOAD, "acme/large").result
    assert "could not be reached" in broken["error"]
    (part,) = blobs(tmp_path / "home", ".part")
    arrived = part.stat().st_size
    assert 0 < arrived <= 1_300_000
    hub.break_download_after = None
    hub.requests.clear()
    hub.start()
    result = run(DOWNLOAD, "acme/large").result
    (sent,) = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert sent.headers["range"] == f"bytes={arrived}-"
    assert any(done >= arrived for done, _ in result["seen"][:2])
    weights = next(path for path in (tmp_path / "home").rglob("snapshots/*/model.safetensors"))
    assert weights.read_bytes() == bytes(range(250)) * 12_000 and not blobs(tmp_path / "home", ".part")


def test_weights_that_arrive_with_errors_are_thrown_away(hub: Hub, run: Run, large: Path, tmp_path: Path) -> None:
    hub.break_download_after = 1_300_000
    run(HASTE + DOWNLOAD, "acme/large")
    (part,) = blobs(tmp_path / "home", ".part")
    part.write_bytes(b"?" * part.stat().st_size)
    hub.break_download_after = None
    hub.start()
    assert "arrived with errors" in run(DOWNLOAD, "acme/large").result["error"]
    assert "names" in run(DOWNLOAD, "acme/large").result


def test_a_gated_backbone_is_one_sentence_and_the_token_is_kept_nowhere(
    hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.add("acme/gated", contents(tiny_llama), gated=True)
    hub.accounts.append(Account("greta", "hf_gretasSecretToken", granted=("acme/gated",)))
    assert "accept its licence" in run(DOWNLOAD, "acme/gated").result["error"]
    assert "accept its licence" in run(DOWNLOAD, "acme/gated", HF_TOKEN=ADA.token).result["error"]
    done = run(DOWNLOAD, "acme/gated", HF_TOKEN="hf_gretasSecretToken")
    assert "names" in done.result and "hf_gretas" not in done.output
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hf_gretas" not in written
    to_storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert to_storage and all("authorization" not in request.headers for request in to_storage)


def test_a_download_is_ended_when_asked_and_goes_on_another_time(
    hub: Hub, run: Run, large: Path, tmp_path: Path
) -> None:
    hub.bytes_per_second = 1_500_000
    ended = PROCESS + "answer([until(lambda: bool(seen) and seen[-1][0] > 900_000), seen[-1]])"
    finished, (done, total) = run(ended, "acme/large").result
    assert finished is False and done < total
    assert blobs(tmp_path / "home", ".part")
    hub.bytes_per_second = None
    assert run(PROCESS + "answer(until(lambda: False))", "acme/large").result is True


def test_a_page_sees_how_far_a_download_is_and_can_cancel_it(hub: Hub, run: Run, large: Path) -> None:
    hub.bytes_per_second = 1_000_000
    code = """
import time
from app.hub.downloads import Downloads
downloads, shares = Downloads(), []
downloads.start(arguments[0])
while downloads.is_running(arguments[0]):
    download = downloads.get(arguments[0])
    shares.append(download.share)
    if download.share > 0.5:
        downloads.cancel(arguments[0])
    time.sleep(0.05)
answer([downloads.get(arguments[0]).state, shares, downloads.get("acme/other")])
"""
    state, shares, other = run(code, "acme/large").result
    assert state == "cancelled" and shares == sorted(shares) and 0.5 < shares[-1] < 1 and other is None
    state, *_ = run(code, "acme/none").result
    assert state == "failed"


def test_a_runs_backbone_is_downloaded_with_its_progress_in_log_and_phase(hub: Hub, run: Run, tiny_llama: Path) -> None:
    hub.add("acme/tiny", contents(tiny_llama))
    code = """
from app.backbones.registry import Backbones
from app.jobs.fetching import fetch_backbone
from app.settings import Settings
class Reporter:
    said, parts, stop = [], [], False
    def phase(self, text): self.said.append(text)
    def note(self, text): self.said.append(text)
    def part(self, share): self.parts.append(share)
    def should_stop(self): return self.stop
reporter, backbones = Reporter(), Backbones(Settings.from_environment())
first = fetch_backbone(backbones, arguments[0], reporter)
said = list(reporter.said)
again = fetch_backbone(backbones, arguments[0], reporter)
silent = len(reporter.said) == len(said)
reporter.stop = True
stopped = fetch_backbone(backbones, "acme/x", reporter)
answer([first, said, reporter.parts, again, silent, stopped])
"""
    first, said, parts, again, silent, stopped = run(code, "acme/tiny").result
    assert first is True and said[0] == "Downloading acme/tiny" and "(100 %) are here." in said[-1]
    assert parts[-1] == 1
    assert again is True and silent
    assert stopped is False
