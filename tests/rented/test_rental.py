"""The studio's side of a run on a rented machine, which the tests play on the small Hub."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from app.backbones.registry import Backbones
from app.jobs.heartbeat import EXIT_LOST
from app.jobs.rented.executor import Rented, RentedExecutor
from app.jobs.rented.hub_jobs import HubAway
from app.settings import Settings
from lamp.errors import ConfigError, LampError
from storage.jobs import Job, JobState, Worker
from tests.hub.conftest import ADA
from tests.hub.repositories import Account
from tests.rented.conftest import RentingStudio
from tests.rented.played import Machine, checkpoint, until


@pytest.fixture
def job(studio: RentingStudio) -> Job:
    studio.hub.runs_jobs = False
    return studio.submit()


def log(studio: RentingStudio, capfd: pytest.CaptureFixture[str]) -> str:
    """The run's log, which is the output of its worker."""
    return capfd.readouterr().out


def repositories(studio: RentingStudio) -> list[str]:
    return [repository.id for repository in studio.hub.repositories if repository.kind == "datasets"]


def test_a_run_is_sent_whole_to_a_private_place_and_the_token_only_as_a_secret(
    studio: RentingStudio, job: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = studio.system.home.checkpoints(job.id)
    for name, content in checkpoint(4).items():
        path = folder.parent.parent / str(name).replace("checkpoints", f"checkpoints/{job.id}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or b"")
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    asked, sent = machine.job.asked, machine.repository
    assert sent.private and len(sent.commits) == 2, "the Hub's own first commit, and all of the run's files in one"
    assert asked["secrets"] == {"HF_TOKEN": ADA.token}
    assert (asked["flavor"], asked["dockerImage"], asked["timeoutSeconds"]) == ("t4-small", "python:3.12", 6 * 3600)
    others = {name: value for name, value in asked.items() if name != "secrets"}
    assert ADA.token not in json.dumps(others) and not any(ADA.token.encode() in file for file in sent.files.values())
    told = json.loads(sent.files["in/run.json"])
    assert told["config"] == job.config and list(told["uploads"]) == ["uploads/" + job.dataset.removeprefix("upload:")]
    assert sent.files["in/checkpoints/step-00000004/state.safetensors"] == b"tensors of step 4"
    names = zipfile.ZipFile(io.BytesIO(sent.files["in/code.zip"])).namelist()
    assert "app/jobs/rented/node.py" in names and "requirements.txt" in names
    machine.report(state=JobState.DONE)
    machine.end()
    studio.finish(worker)
    assert ADA.token not in log(studio, capfd)


def test_what_a_machine_reports_is_taken_over_and_nothing_of_it_stays_on_the_hub(
    studio: RentingStudio, job: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    store, home = studio.system.store, studio.system.home
    worker = studio.begin(job.id)
    until(lambda: store.get(job.id).phase == "Waiting for a machine on the Hub")
    machine = Machine(studio.hub)
    machine.job.stage = "RUNNING"
    machine.report(checkpoint(2), step=2, values=[(1, "loss", 0.5), (2, "loss", 0.25)], lines=["one", "two"])
    until(lambda: store.curve(job.id, "loss") == [(1, 0.5), (2, 0.25)] and store.get(job.id).phase == "Training")
    until((home.checkpoints(job.id) / "step-00000002").is_dir)
    machine.report(
        {
            **checkpoint(4),
            **dict.fromkeys(checkpoint(2), None),
            "checkpoints/run.json": b"{}",
            "prompt/lamp.safetensors": b"the prompt",
            "kept/answers": b"answers",
        },
        state=JobState.DONE,
        step=4,
        scores={"accuracy": 0.9},
        has_prompt=True,
        values=[(1, "loss", 0.5), (2, "loss", 0.25), (3, "loss", 0.125)],
        first_line=1,
        lines=["two", "three"],
    )
    machine.end()
    assert studio.finish(worker) == 0
    done = store.get(job.id)
    assert (done.state, done.step, done.scores, done.artifact) == (JobState.DONE, 4, {"accuracy": 0.9}, job.id)
    assert (studio.system.artifacts.path(job.id) / "lamp.safetensors").read_bytes() == b"the prompt"
    assert home.answers(job.id).read_bytes() == b"answers"
    assert [path.name for path in sorted(home.checkpoints(job.id).glob("step-*"))] == ["step-00000004"]
    assert store.curve(job.id, "loss") == [(1, 0.5), (2, 0.25), (3, 0.125)]
    lines = log(studio, capfd).splitlines()
    assert [line for line in lines if line in ("one", "two", "three")] == ["one", "two", "three"]
    assert repositories(studio) == [] and not home.rented(job.id).exists()


def test_a_checkpoint_that_is_not_whole_is_never_taken_over(studio: RentingStudio, job: Job) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.report({**checkpoint(2), **checkpoint(4, whole=False)}, state=JobState.DONE)
    machine.end()
    studio.finish(worker)
    kept = studio.system.home.checkpoints(job.id).glob("step-*")
    assert [path.name for path in kept] == ["step-00000002"]


def test_a_stop_is_passed_on_and_the_best_prompt_is_taken_over(studio: RentingStudio, job: Job) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.job.stage = "RUNNING"
    machine.report(step=3)
    until(lambda: studio.system.store.get(job.id).step == 3)
    studio.system.store.request_stop(job.id)
    until(lambda: "stop" in machine.repository.files)
    machine.report({"prompt/lamp.safetensors": b"best"}, state=JobState.STOPPED, step=4, has_prompt=True)
    machine.end()
    assert studio.finish(worker) == 0
    stopped = studio.system.store.get(job.id)
    assert (stopped.state, stopped.step, stopped.artifact) == (JobState.STOPPED, 4, job.id)


def test_a_run_that_waits_for_a_machine_is_stopped_at_once_and_nothing_is_rented(
    studio: RentingStudio, job: Job
) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    studio.system.store.request_stop(job.id)
    assert studio.finish(worker) == 0
    assert studio.system.store.get(job.id).state is JobState.STOPPED
    assert machine.job.stage == "CANCELED" and repositories(studio) == []


def test_a_machine_that_is_lost_leaves_a_run_that_goes_on_from_its_last_checkpoint_on_another(
    studio: RentingStudio, job: Job
) -> None:
    store = studio.system.store
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.report(checkpoint(6), step=7)
    machine.end("ERROR", "The node was reclaimed")
    assert studio.finish(worker) == EXIT_LOST
    assert store.get(job.id).state is JobState.RUNNING, "the runner ends it, as one whose worker vanished"
    store.mark_lost(job.id, 1, "lost", resumes=3)
    worker = studio.begin(job.id)
    other = Machine(studio.hub, 2)
    assert other.repository.files["in/checkpoints/step-00000006/state.safetensors"] == b"tensors of step 6"
    other.report(state=JobState.DONE, step=12)
    other.end()
    assert studio.finish(worker) == 0 and store.get(job.id).state is JobState.DONE


@pytest.mark.parametrize(
    ("stage", "reports", "sentence"),
    [
        ("CANCELED", True, "The job was ended on the Hub before the run was finished."),
        ("ERROR", False, "The rented machine could not begin the run; the log has its last lines."),
    ],
)
def test_a_machine_that_somebody_ended_or_that_never_began_is_not_rented_again_by_itself(
    studio: RentingStudio, job: Job, stage: str, reports: bool, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    if reports:
        machine.report(step=1)
    machine.job.log.append("No space left on device")
    machine.end(stage, "because")
    assert studio.finish(worker) == 1
    failed = studio.system.store.get(job.id)
    assert failed.state is JobState.FAILED and str(failed.error).startswith(f"{sentence} The Hub says: because")
    assert "| No space left on device" in log(studio, capfd)


def test_a_failed_run_says_why_in_the_sentence_of_its_machine(studio: RentingStudio, job: Job) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.report(state=JobState.FAILED, error="The loss is no number any more.")
    machine.end()
    assert studio.finish(worker) == 1
    assert studio.system.store.get(job.id).error == "The loss is no number any more."


def test_a_machine_goes_on_when_the_process_here_ends_and_the_next_one_takes_it_over(
    studio: RentingStudio, job: Job, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = studio.system.store
    monkeypatch.setattr("app.jobs.job_reporter.JobReporter.is_ended_by_system", ended := _Switch())
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.report(step=1, lines=["one"], values=[(1, "loss", 0.5)])
    until(lambda: store.get(job.id).step == 1)
    ended.on = True
    studio.finish(worker)
    ended.on = False
    assert machine.job.stage == "SCHEDULING" and repositories(studio), "it was not given back"
    _lose(studio, job)
    machine.report(state=JobState.DONE, step=12, first_line=1, lines=["two"])
    machine.end()
    assert studio.finish(studio.begin(job.id)) == 0
    assert len(studio.hub.jobs) == 1 and store.get(job.id).state is JobState.DONE
    lines = log(studio, capfd).splitlines()
    assert [line for line in lines if line in ("one", "two")] == ["one", "two"]


def test_a_machine_whose_start_was_not_answered_is_ended_before_another_is_rented(
    studio: RentingStudio, job: Job
) -> None:
    studio.hub.break_at_job = True
    worker = studio.begin(job.id)
    machine = Machine(studio.hub, 2)
    assert [known.stage for known in studio.hub.jobs] == ["CANCELED", "SCHEDULING"]
    assert len(repositories(studio)) == 1
    machine.report(state=JobState.DONE)
    machine.end()
    assert studio.finish(worker) == 0


def test_while_the_hub_does_not_answer_a_run_goes_on_there(studio: RentingStudio, job: Job) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.report(step=1)
    until(lambda: studio.system.store.get(job.id).step == 1)
    studio.hub.busy = True
    seen = len(studio.hub.requests)
    until(lambda: len(studio.hub.requests) > seen + 2)
    assert studio.system.store.get(job.id).state is JobState.RUNNING
    machine.report(state=JobState.DONE, step=12)
    machine.end()
    studio.hub.busy = False
    assert studio.finish(worker) == 0 and studio.system.store.get(job.id).state is JobState.DONE


@pytest.mark.rented
def test_the_command_of_a_job_installs_the_studio_and_sends_how_the_run_has_ended(
    studio: RentingStudio, job: Job
) -> None:
    worker = studio.begin(job.id)
    machine = Machine(studio.hub)
    machine.job.stage = "RUNNING"
    studio.system.store.request_stop(job.id)
    until(lambda: "stop" in machine.repository.files)
    machine.job.run(studio.hub.url)
    assert studio.finish(worker, 200) == 0, machine.job.lines()
    assert studio.system.store.get(job.id).state is JobState.STOPPED
    assert "The end of the run was sent to the studio." in machine.job.lines()[-1]
    assert machine.job.stage == "COMPLETED"


def test_the_slot_of_a_killed_worker_is_free_only_once_its_machine_is_given_back(
    studio: RentingStudio, job: Job
) -> None:
    store, settings = studio.system.store, studio.settings
    hub = studio.job()
    executor = RentedExecutor(studio.system.home, {}, Backbones(settings), store, hub)
    executor.again_seconds = 0
    rented = hub.start(job.id, ["true"], image="python:3.12", flavor="t4-small", hours=1)
    store.claim(executor.host, [0])
    gone = Worker(executor.host, 2**22 + 1, "boot:1")
    store.started(job.id, 1, gone)
    assert executor.stop(gone, force=True) and not hub.job(rented.id).has_ended, "a run that goes on keeps its machine"
    store.request_stop(job.id)
    store.mark_lost(job.id, 1, "Killed.")
    answer = hub.end_all
    hub.end_all = _away  # type: ignore[method-assign]
    assert not any(executor.stop(gone, force=True) for _ in range(20))
    hub.end_all = answer  # type: ignore[method-assign]
    until(lambda: executor.stop(gone, force=True))
    assert hub.job(rented.id).stage == "CANCELED"


def test_a_studio_says_at_its_start_why_it_cannot_rent(studio: RentingStudio) -> None:
    def refusal(**changed: Any) -> str:
        with pytest.raises(LampError) as raised:
            Rented.of(replace(studio.settings, **changed), studio.hub.url)
        return str(raised.value)

    studio.hub.accounts.append(Account("eve", "hf_reads", role="read"))
    assert "STUDIO_HF_JOBS_TOKEN must be a token" in refusal(hf_jobs_token="")
    assert "must be a flavor of the Hub's Jobs, not 't5': cpu-basic, t4-small." in refusal(hf_jobs="t5")
    assert "set limits for each person" in refusal(on_space=True)
    assert "The Hub answered 403" in refusal(hf_jobs_token="hf_reads")
    assert "The Hub answered 401" in refusal(hf_jobs_token="hf_unknown")
    with pytest.raises(ConfigError, match="both say where runs go on"):
        Settings.from_environment({"STUDIO_HF_JOBS": "t4-small", "RAY_ADDRESS": "http://head:8265"})
    found = Rented.of(studio.settings, studio.hub.url).settings
    assert found.rented is not None and (found.slots, found.cluster_gpus, found.rented.gpus) == (1, 1, 1)
    assert found.rented.price(600) == (
        "It runs on Nvidia T4 - small (t4-small), rented on the Hub at $0.40 an hour: about $0.07 for this time, and "
        "the minutes in which the machine gets ready."
    )
    assert ADA.token not in repr(found)


def _away(run: str) -> bool:
    raise HubAway("The Hub does not answer.")


class _Switch:
    """In place of a property that the test turns on."""

    on = False

    def __get__(self, *_: object) -> bool:
        return self.on


def _lose(studio: RentingStudio, job: Job) -> None:
    """What the runner does with a worker that is gone."""
    store = studio.system.store
    if store.get(job.id).state.active:
        store.mark_lost(job.id, 1, "gone", resumes=3)
    else:
        store.resume(job.id)
