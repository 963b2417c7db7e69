"""Runs on rented machines, each a process of its own that is started with the command that the Hub is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.jobs import JobState
from storage.logs import tail
from tests.hub.conftest import contents
from tests.rented.conftest import BACKBONE, RentingStudio

pytestmark = [pytest.mark.slow]


def test_a_run_on_a_rented_machine_ends_as_it_does_here(studio: RentingStudio, tiny_llama: Path) -> None:
    studio.hub.add(BACKBONE, contents(tiny_llama))
    job = studio.submit(8)
    status = studio.finish(studio.begin(job.id), 120)
    done = studio.system.store.get(job.id)
    print(tail(studio.system.home.log(job.id), 100))
    print(studio.hub.jobs[0].lines())
    assert (status, done.state, done.step) == (0, JobState.DONE, 8), done.error
    assert len(studio.system.store.curve(job.id, "loss")) == 8
    assert studio.system.artifacts.path(job.id).is_dir()
