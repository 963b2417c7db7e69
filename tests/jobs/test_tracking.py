"""An experiment tracker gets the numbers of runs where one was chosen; one that fails never ends a run."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tensorboardX.proto.event_pb2 import Event

from app.jobs.tracking import Tracking, variables
from app.settings import Settings
from lamp.errors import ConfigError
from lamp.training import trackers
from storage.jobs import Job, JobState
from tests.jobs.conftest import System


def logged(folder: Path) -> dict[str, dict[int, float]]:
    """Name → step → value of a folder's TensorBoard files. A record is its length, content and two checksums."""
    values: dict[str, dict[int, float]] = {}
    for file in sorted(folder.glob("events.*")):
        content, start = file.read_bytes(), 0
        while start < len(content):
            (length,) = struct.unpack_from("<Q", content, start)
            event = Event.FromString(content[start + 12 : start + 12 + length])
            start += 16 + length
            for value in event.summary.value:
                values.setdefault(value.tag, {})[event.step] = value.simple_value
    return values


def work(system: System, job: Job, **environment: str) -> str:
    """Trains a run that was claimed, as its worker does; returns what it says in the log."""
    done = subprocess.run(
        [sys.executable, "-m", "app.jobs.worker", job.id],
        env={**os.environ, **system.environment(), **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_tensorboard_gets_every_number_that_the_page_draws_under_the_same_step(system: System) -> None:
    system.submit(steps=6)
    job = system.store.claim("here", [0])
    assert job is not None
    work(system, job, STUDIO_TRACKER="tensorboard")
    assert system.store.get(job.id).state is JobState.DONE
    values = logged(system.home.tracked / job.id)
    curve = dict(system.store.curve(job.id, "loss"))
    assert list(curve) == list(range(1, 7)) and values["train/loss"] == pytest.approx(curve)
    validation = dict(system.store.curve(job.id, "validation/loss"))
    assert validation and values["validation/loss"] == pytest.approx(validation)


def test_without_the_setting_nothing_is_tracked(system: System) -> None:
    job = system.submit()
    with Tracking(Settings.from_environment(system.environment()), job, print) as tracking:
        tracking.log(1, {"loss": 1.0})
    assert not system.home.tracked.exists()


def test_a_tracker_that_fails_is_told_once_and_the_run_goes_on(system: System) -> None:
    system.submit(steps=6)
    job = system.store.claim("here", [0])
    assert job is not None
    system.home.tracked.write_text("a file where TensorBoard wants a folder")
    log = work(system, job, STUDIO_TRACKER="tensorboard")
    assert system.store.get(job.id).state is JobState.DONE
    assert log.count("Nothing more is sent to tensorboard, which failed: ") == 1 and "Traceback" not in log


def test_a_tracker_that_never_ends_does_not_keep_its_run(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    never = SimpleNamespace(log=lambda *_, **__: None, finish=threading.Event().wait)
    monkeypatch.setattr(trackers, "open_tracker", lambda *_, **__: never)
    settings = Settings.from_environment({**system.environment(), "STUDIO_TRACKER": "tensorboard"})
    told: list[str] = []
    with Tracking(settings, system.submit(), told.append, last_seconds=0.01) as tracking:
        tracking.log(1, {"loss": 1.0})
    assert told == ["tensorboard has not taken the last numbers within 0 seconds: the run ends."]


def test_the_key_of_a_tracker_that_fails_is_not_in_the_log(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("the key my-secret is not known")

    monkeypatch.setattr(trackers, "open_tracker", refuse)
    monkeypatch.setenv("WANDB_API_KEY", "my-secret")
    settings = replace(Settings.from_environment(system.environment()), tracker="wandb")
    told: list[str] = []
    with Tracking(settings, system.submit(), told.append) as tracking:
        tracking.log(1, {"loss": 1.0})
    assert told == ["Nothing more is sent to wandb, which failed: the key *** is not known"]


def test_workers_get_the_variables_of_the_chosen_tracker_alone() -> None:
    environment = {"WANDB_API_KEY": "secret", "WANDB_PROJECT": "mine", "TRACKIO_DIR": "/there", "PATH": "/bin"}
    assert variables("wandb", environment) == {"WANDB_API_KEY": "secret", "WANDB_PROJECT": "mine"}
    assert variables("trackio", environment) == {"TRACKIO_DIR": "/there"}
    assert variables("tensorboard", environment) == variables("", environment) == {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mlflow", "STUDIO_TRACKER must be trackio, tensorboard, wandb or empty, not 'mlflow'."),
        ("wandb", "STUDIO_TRACKER is wandb, which is not installed: pip install wandb."),
    ],
)
def test_a_tracker_that_cannot_be_used_is_named_when_the_studio_starts(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environment({"STUDIO_TRACKER": name})
    assert str(caught.value) == sentence
