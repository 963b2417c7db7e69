"""Measuring a recipe in a process of its own: one at a time, never beside a run, and every end is one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.data.dataset_file import DatasetFile
from app.planning.measuring import Measuring, MeasuringError
from app.planning.measuring_worker import Task
from app.processes.identity import host_name
from app.studio import Studio
from app.ui.tune import form_values, summary
from app.ui.tune.measuring import MeasureHandlers
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.errors import ConfigError
from lamp.training.quote import Measured
from storage.database import open_database
from storage.jobs import JobStore
from tests.offline import ROOT
from tests.unit.test_quote import PARTS
from tests.unit.training import recipe

TASK = Task(TuneConfig("org/model"), "org/model", DatasetFile(Path("rows.csv"), "rows.csv"), "", "tokens", 1)
SAYS = f"print({json.dumps({'measured': PARTS.to_dict()})!r})"


def program(code: str) -> tuple[str, ...]:
    """A process in the place of the one that measures."""
    return (sys.executable, "-c", f"import os, sys, time, json\n{code}")


WAITS = program("print(json.dumps({'phase': 'Loading the model'}), flush=True); sys.stdin.read()")


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(open_database(f"sqlite:///{tmp_path / 'studio.db'}"))


def measuring(
    store: JobStore, command: tuple[str, ...], devices: tuple[str, ...] = ("",), seconds: float = 60
) -> Measuring:
    return Measuring(store, lambda: devices, command, seconds)


def measure(one: Measuring, key: str = "a", on_phase: Callable[[str], None] = lambda _: None) -> Measured:
    return one.measure(key, TASK, lambda _: None, on_phase)


def failure(one: Measuring, at_loading: Callable[[], object] = lambda: None) -> str:
    """The sentence that a measurement ends with. at_loading: called once it goes on."""
    seen: list[str] = []

    def on_phase(phase: str) -> None:
        if phase == "Loading the model" and not seen:
            seen.append(phase)
            at_loading()

    with pytest.raises(MeasuringError) as ended:
        measure(one, on_phase=on_phase)
    return str(ended.value)


def claim(store: JobStore, slots: int = 1) -> str:
    run = store.add("a run", recipe(Path("x")).to_dict(), "sample:a", "a", 12).id
    store.claim(host_name(), range(slots))
    return run


def test_what_the_process_finds_is_given_to_both_and_phases_are_told(store: JobStore) -> None:
    kept: list[Measured] = []
    phases: list[str] = []
    code = (
        f"print('a library says hello'); print(json.dumps({{'phase': 'Measuring'}}), flush=True); time.sleep(1); {SAYS}"
    )
    measured = measuring(store, program(code)).measure("a", TASK, kept.append, phases.append)
    assert measured == PARTS and kept == [PARTS]
    assert "Measuring" in phases


def test_the_process_is_told_what_to_measure(store: JobStore, tmp_path: Path) -> None:
    file = tmp_path / "task"
    measure(measuring(store, program(f"open({str(file)!r}, 'w').write(sys.stdin.readline()); {SAYS}")))
    assert Task.from_json(file.read_text()) == TASK


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print(json.dumps({'problem': 'The rows are wrong.'}))", "The rows are wrong."),
        ("os.kill(os.getpid(), 9)", "The system ended the measurement, most likely because memory ran out"),
        ("sys.stdin.readline(); 1 / 0", "The measurement ended unexpectedly; the studio's log says more."),
        ("sys.exit(0)", "The measurement ended unexpectedly; the studio's log says more."),
        ("print(json.dumps({'measured': {}}))", "The measurement ended unexpectedly; the studio's log says more."),
    ],
    ids=["a problem", "killed", "an error", "nothing", "nonsense"],
)
def test_every_failure_is_one_sentence_and_the_next_measurement_can_start(
    store: JobStore, code: str, words: str
) -> None:
    one = measuring(store, program(code))
    for _ in range(2):
        sentence = failure(one)
        assert sentence.startswith(words) and "Traceback" not in sentence


def test_a_measurement_can_be_cancelled_and_started_again(store: JobStore) -> None:
    one = measuring(store, WAITS)
    assert failure(one, one.cancel) == "The measurement was cancelled."
    assert failure(one, one.cancel) == "The measurement was cancelled."


def test_a_measurement_that_takes_too_long_is_ended(store: JobStore) -> None:
    assert "took more than 0 minutes and was ended" in failure(measuring(store, WAITS, seconds=0.5))


def test_a_run_that_starts_meanwhile_ends_the_measurement(store: JobStore) -> None:
    sentence = failure(measuring(store, WAITS), lambda: claim(store))
    assert sentence == "A run has started, so the measurement was ended: measure when the run has ended."


def test_nothing_is_measured_beside_a_run_and_a_free_gpu_is_taken(store: JobStore) -> None:
    claim(store)
    assert failure(measuring(store, WAITS)).startswith("This machine is busy with a run")
    assert failure(measuring(store, WAITS, ("0",))).startswith("Every GPU is busy with a run")
    assert failure(measuring(store, WAITS, ("0", "0"))).startswith("Every GPU is busy"), "two slots share it"
    says = program(f"assert os.environ['CUDA_VISIBLE_DEVICES'] == '1'; {SAYS}")
    assert measure(measuring(store, says, ("0", "1"))) == PARTS


def test_a_run_on_another_host_takes_nothing_here(store: JobStore) -> None:
    store.add("a run", recipe(Path("x")).to_dict(), "sample:a", "a", 12)
    store.claim("elsewhere", [0])
    assert measure(measuring(store, program(SAYS))) == PARTS


def test_one_recipe_is_measured_at_a_time_and_a_second_look_at_it_follows_the_first(store: JobStore) -> None:
    one = measuring(store, WAITS)
    sentences: list[str] = []
    first = threading.Thread(target=lambda: sentences.append(failure(one)))
    first.start()
    second = threading.Thread(target=lambda: sentences.append(failure(one)))
    _until(lambda: one._current is not None and one._current.phase == "Loading the model")
    second.start()
    with pytest.raises(MeasuringError, match=r"^Another recipe is being measured"):
        measure(one, "b")
    one.cancel()
    for thread in (first, second):
        thread.join(timeout=30)
    assert sentences == ["The measurement was cancelled."] * 2


def _until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.02)


def test_the_process_ends_when_the_studio_is_gone() -> None:
    command = [sys.executable, "-m", "app.planning.measuring_worker"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(TASK.to_json().encode() + b"\n")
        child.stdin.flush()
        assert b"Loading" in child.stdout.readline()
        child.stdin.close()  # as the system does when the studio ends
        assert child.wait(timeout=60) == 1
        assert child.stdout.read() == b""


@pytest.fixture
def chosen(studio: Studio, tiny_llama: Path, tiny_table: Path) -> tuple[TuneConfig, str]:
    """A recipe, and the data set that it fits."""
    return recipe(tiny_llama), studio.add_dataset(tiny_table, "films.csv").reference


def test_a_measured_recipe_is_told_as_measured_from_then_on(studio: Studio, chosen: tuple[TuneConfig, str]) -> None:
    config, dataset = chosen
    plan = studio.plan(config, dataset)
    assert plan.estimate is not None and not plan.estimate.quote.measured and plan.estimate.quote.measurable
    assert "(calculated)" in summary.quote(plan) and "not known yet" in summary.quote(plan)
    phases: list[str] = []
    studio.measure(config, dataset, on_phase=phases.append)
    assert "Loading the libraries" in phases

    again = Studio(studio.settings, open_database(studio.settings.database_url))
    plan = again.plan(config, dataset)
    assert plan.estimate is not None and plan.estimate.quote.measured
    assert plan.estimate.quote.memory > 10**8 and (plan.estimate.quote.seconds or 0) > 1
    assert "(measured)" in summary.quote(plan)
    train = config.train
    for other_train, same in (
        (replace(train, steps=500), True),
        (replace(train, patience=3), True),
        (replace(train, batch_size=8), False),
    ):
        other = again.plan(replace(config, train=other_train), dataset).estimate
        assert other is not None and other.quote.measured is same
    longer = again.plan(replace(config, train=replace(config.train, steps=5000)), dataset).estimate
    assert longer is not None and (longer.quote.seconds or 0) > (plan.estimate.quote.seconds or 0)


def test_a_recipe_with_problems_or_without_its_backbone_is_not_measured(
    studio: Studio, chosen: tuple[TuneConfig, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, dataset = chosen
    with pytest.raises(ConfigError, match=r"^The seed must be"):
        studio.measure(replace(config, train=replace(config.train, seed=-1)), dataset)
    monkeypatch.setattr("app.planning.recipes.is_here", lambda source: False)
    monkeypatch.setattr("app.planning.quotes.is_here", lambda source: False)
    with pytest.raises(MeasuringError, match="is not on this machine yet, so it cannot be measured"):
        studio.measure(config, dataset)
    assert "the first run fetches it" in summary.quote(studio.plan(config, dataset))


def test_the_page_shows_each_phase_then_the_result_or_the_reason(
    studio: Studio, chosen: tuple[TuneConfig, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, dataset = chosen
    values = {
        **form_values.values_of(config),
        "backbone.choice": "",
        "backbone.other": config.backbone,
        "dataset": dataset,
        "gpus": 1,
    }
    handlers = MeasureHandlers(studio, TuneForm(studio, list(values)).measured_form)

    def works(config: TuneConfig, dataset: str, gpus: int, on_phase: Callable[[str], None]) -> None:
        on_phase("Loading the model")
        time.sleep(0.5)

    monkeypatch.setattr(studio, "measure", works)
    shown = [status for status, *_ in handlers.measure(*values.values())]
    assert "Starting" in shown[0] and any("Loading the model" in status for status in shown) and shown[-1] == ""

    def fails(*_: object) -> None:
        raise MeasuringError("This machine is busy.")

    monkeypatch.setattr(studio, "measure", fails)
    *_, (status, again, cancel) = handlers.measure(*values.values())
    assert "This machine is busy." in status
    assert again.visible is True and cancel.visible is False
    quote, button = handlers.quote(*values.values())
    assert "(calculated)" in quote and button.visible is True
