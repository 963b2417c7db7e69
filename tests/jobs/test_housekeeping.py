"""Going on from a finished run, freeing what is not needed, slots, and when a run will start."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.jobs.cleanup import RESTORABLE, SWEEPS, sweep
from app.jobs.extend import extend
from app.jobs.runner import Runner
from app.processes import slots
from app.views.estimates import places
from lamp.errors import ConfigError
from storage.errors import JobNotFound, NotStored, WrongState
from storage.jobs import JobState
from storage.uploads import UploadStore
from tests.jobs.conftest import System


def test_an_extended_run_goes_on_from_the_end_of_the_one_before_which_stays(system: System, runner: Runner) -> None:
    first = system.ended(system.submit(6).id, JobState.DONE)
    child = extend(system.store, system.home, first.id, 10)
    assert (child.parent, child.step) == (first.id, 6) and child.config["train"]["steps"] == 10
    done = system.ended(child.id, JobState.DONE)
    assert "Going on from the checkpoint at step 6." in system.home.log(child.id).read_text()
    curve = system.store.curve(child.id, "loss")
    assert [step for step, _ in curve] == list(range(1, 11))
    assert curve[:6] == system.store.curve(first.id, "loss")
    assert done.step == 10 and system.store.get(first.id) == first
    assert system.artifacts.path(child.id) != system.artifacts.path(first.id)


def test_only_a_done_run_is_extended_and_only_by_more_steps(system: System) -> None:
    job = system.submit(6)
    with pytest.raises(WrongState, match="'a run' is queued"):
        extend(system.store, system.home, job.id, 10)
    system.store.claim("here", [0])
    system.store.finish(job.id, JobState.DONE)
    with pytest.raises(WrongState, match="has 6 steps already: choose more than that, not 6"):
        extend(system.store, system.home, job.id, 6)
    with pytest.raises(ConfigError, match="number of steps must be between"):
        extend(system.store, system.home, job.id, 10**7)
    assert [left.id for left in system.store.list()] == [job.id]


def test_a_sweep_frees_the_files_of_runs_deleted_a_day_ago_and_of_none_else(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = UploadStore(system.store.database, system.home.uploads)
    kept, deleted = system.submit(), system.submit()
    for job in (kept, deleted):
        for path in (system.home.checkpoints(job.id) / "step-00000002" / "state.json", system.home.log(job.id)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
        with system.artifacts.stage(job.id) as folder:
            (folder / "x").write_text("x")
    system.store.delete(deleted.id)
    sweep(system.store, system.home, system.artifacts, uploads)
    assert system.artifacts.path(deleted.id), "there is a way back for a day"
    for _ in range(SWEEPS - 2):
        sweep(system.store, system.home, system.artifacts, uploads)
    monkeypatch.setattr("storage.jobs.utc_now", lambda: datetime.now(UTC) + RESTORABLE + timedelta(minutes=1))
    sweep(system.store, system.home, system.artifacts, uploads)
    with pytest.raises(JobNotFound):
        system.store.get(deleted.id)
    with pytest.raises(NotStored):
        system.artifacts.path(deleted.id)
    left = {
        path.name.split(".")[0]
        for folder in ("artifacts", "checkpoints", "logs")
        for path in (system.home.root / folder).iterdir()
    }
    assert left == {kept.id}
    assert uploads.path(system.dataset)


def test_files_that_no_run_knows_are_swept_when_they_are_a_day_old(system: System) -> None:
    uploads = UploadStore(system.store.database, system.home.uploads)
    strays = [
        system.home.checkpoints("nobody") / "step-00000002",
        system.home.artifacts / "nobody.1",
        system.home.artifacts / ".staged-nobody-1",
        system.home.root / "exports" / "nobody.1.zip",
        system.home.tokens / "of-an-old-table.safetensors",
    ]
    for stray in strays:
        stray.mkdir(parents=True)
    sweep(system.store, system.home, system.artifacts, uploads)
    assert all(stray.exists() for stray in strays), "someone may be writing them"
    long_ago = time.time() - 2 * 24 * 3600
    for stray in (*strays, system.home.checkpoints("nobody")):
        os.utime(stray, (long_ago, long_ago))
    sweep(system.store, system.home, system.artifacts, uploads)
    assert not any(stray.exists() for stray in strays)


def test_the_queue_tells_each_run_its_place_and_when_it_will_start(system: System) -> None:
    store = system.store
    first, second, third = (system.submit(steps, learning_rate=0.04) for steps in (10, 100, 10))
    unknown = places(store, 1)
    assert [(unknown[job.id].position) for job in (first, second, third)] == [1, 2, 3]
    assert unknown[first.id].starts_in == timedelta(0) and unknown[second.id].starts_in is None
    store.claim("here", [0])
    store.heartbeat(first.id, 5, "Training", [(step, "rows_per_second", 0.4) for step in range(1, 6)])
    now = places(store, 1)
    assert now[second.id].starts_in == timedelta(seconds=50), "5 steps of 4 rows are left"
    assert now[third.id].starts_in == timedelta(seconds=50 + 1000), "and 100 steps of the second run at that speed"
    assert places(store, 2)[second.id].starts_in == timedelta(0), "a second slot is free"
    assert list(now) == [second.id, third.id]
    store.request_stop(first.id)
    assert places(store, 1)[second.id].starts_in == timedelta(0), "a run that is being stopped ends now"


def test_a_run_whose_first_steps_are_still_to_come_is_taken_to_be_as_fast_as_the_last_one_on_its_backbone(
    system: System,
) -> None:
    store = system.store
    for rate in (4.0, 0.4):
        job = system.submit(10, learning_rate=0.04)
        store.claim("here", [0])
        store.heartbeat(job.id, 10, "Training", [(step, "rows_per_second", rate) for step in range(1, 6)])
        store.log_values(job.id, [(8, "scoring_seconds", 2.0)])
        store.finish(job.id, JobState.DONE)
        store.release(job.id)
    system.submit(10, learning_rate=0.04)
    store.claim("here", [0])
    waiting = system.submit(10, learning_rate=0.04)
    assert places(store, 1)[waiting.id].starts_in == timedelta(seconds=100 + 3 * 2), "scored at 4, 8 and the end"


def test_a_run_of_several_gpus_waits_until_enough_are_free_and_is_not_overtaken(system: System) -> None:
    store = system.store
    running = system.submit(10, learning_rate=0.04)
    store.claim("here", [0, 1])
    store.heartbeat(running.id, 5, "Training", [(step, "rows_per_second", 0.4) for step in range(1, 6)])
    two, single, three = (store.add("a run", running.config, "d", "d", 10, gpus=gpus) for gpus in (2, 1, 3))
    forecast = places(store, 2)
    assert forecast[two.id].starts_in == timedelta(seconds=50), "one is free at once, the other then"
    assert forecast[single.id].starts_in == timedelta(seconds=150), "though one is free"
    assert not forecast[three.id].fits and forecast[two.id].fits


def test_slots_are_the_gpus_or_one_on_the_cpu_or_as_many_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert slots.devices(None) == ["2", "5"] and slots.devices(3) == ["2", "5", "2"]
    assert slots.environment([1], ["2", "5"]) == {"CUDA_VISIBLE_DEVICES": "5"}
    assert slots.environment([0, 1], ["2", "5"]) == {"CUDA_VISIBLE_DEVICES": "2,5"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert slots.devices(None) == [""] and slots.devices(2) == ["", ""]
    assert slots.environment([0], [""]) == {} and slots.environment([1], ["", ""]) == {"OMP_NUM_THREADS": "4"}


def test_gpus_are_counted_by_the_driver_s_own_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slots.visible_gpus() == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    assert slots.visible_gpus() == ["0", "1"]
