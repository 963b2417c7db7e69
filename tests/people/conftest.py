"""Studios in which people sign in, and what each of them sends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.access.sign_in import SignIn
from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, web_app
from storage.database import open_database
from tests.people.calls import HEADER
from tests.people.things import BACKBONE
from tests.people.world import World

ADDRESS = "http://127.0.0.1:7860"


def studio_at(home: Path, sign_in: SignIn, **settings: object) -> Studio:
    """A studio without a runner in which people sign in in this way."""
    plain = Settings.from_environment({"STUDIO_HOME": str(home), "STUDIO_LOW_DISK_GB": "0"})
    chosen = replace(plain, sign_in=sign_in, **settings)  # type: ignore[arg-type]
    return Studio(chosen, open_database(chosen.database_url))


@contextmanager
def served(studio: Studio, address: str = ADDRESS) -> Iterator[TestClient]:
    """A client of the studio that follows no redirects."""
    with TestClient(web_app(build_ui(studio), studio), base_url=address, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Iterator[World]:

    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_llama, home / "backbones" / BACKBONE.replace("/", "--"))
    studio = studio_at(home, SignIn(header=HEADER, admins=frozenset({"root"})))
    demo = build_ui(studio)
    with TestClient(web_app(demo, studio), base_url=ADDRESS, follow_redirects=False) as client:
        yield World(studio, client, demo, tmp_path_factory.mktemp("files"))
    studio.close()
