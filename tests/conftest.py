"""Backbones and tables small enough to train on in a second, made anew for each test session."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from lamp.hub import offline
from lamp.process import prepare_process
from tests.offline import install_offline
from tests.storage.postgres import NoPostgres, cluster
from tests.tiny import save_tiny

prepare_process()
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tiny matrices gain nothing from threads, and threads of several processes on few cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


_OFFLINE = ("tests/unit/test_offline.py", "tests/unit/test_export_offline.py")


class _SharedBySetUp(LoadScopeScheduling):
    """Shares tests out among processes so that what is set up once, a studio say, is set up in one of them."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith("tests/browser/") or path in _OFFLINE:
            return "the offline backbone"
        return path if path.startswith("tests/unit/") else path.split("/")[1]


def pytest_collection_finish() -> None:
    """What has been imported stays for good: the collector of garbage, which exports call, need not go through it."""
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _SharedBySetUp(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server without a database name."""
    try:
        with cluster() as url:
            yield url
    except NoPostgres as reason:
        pytest.skip(f"No PostgreSQL to test on: {reason}.")


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("backbones") / "tiny-llama", "llama")


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("backbones") / "tiny-t5", "t5")


@pytest.fixture(scope="session")
def offline_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real offline backbone, installed by its command next to what a killed conversion left behind."""
    target = tmp_path_factory.mktemp("home") / "backbones" / offline.folder_name(offline.REFERENCE)
    (target.parent / f".{target.name}-killed").mkdir(parents=True)
    done = install_offline(target)
    assert done.returncode == 0, done.stderr
    assert "Preparing the offline backbone" in done.stdout and "134,515,008 parameters" in done.stdout
    return target


@pytest.fixture(scope="session")
def tiny_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 60 rows, text and label, whose label is told by one word."""
    path = tmp_path_factory.mktemp("tables") / "films.csv"
    rng = random.Random(1)
    rows = []
    for number in range(60):
        label = ("positive", "negative")[number % 2]
        word = rng.choice({"positive": ["good", "great", "bright"], "negative": ["bad", "awful", "dull"]}[label])
        filler = " ".join(rng.choices(["the", "film", "was", "plot", "it", "a", "this"], k=4))
        rows.append(f"{filler} {word} number {number},{label}")
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path
