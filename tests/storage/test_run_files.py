"""The files of a run on several machines, of which each has its own disk and all have one store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.errors import StoreUnavailable
from storage.files import older_than_a_day
from storage.home import Home
from storage.object_store import Damaged, ObjectStore
from storage.run_files import RunFiles
from tests.storage.stores import failing, objects_in, put

RUN = "r1"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    (tmp_path / "store").mkdir()
    return ObjectStore(f"file://{tmp_path / 'store'}")


class Machine:
    """A STUDIO_HOME and the files of the run in it."""

    def __init__(self, store: ObjectStore, root: Path, attempt: int | None = None) -> None:
        self.home = Home(root)
        self.files = RunFiles(store, root, RUN, attempt)

    def write(self, item: str, text: str) -> Path:
        path = self.home.root / item
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def checkpoint(self, step: int) -> Path:
        return self.write(f"checkpoints/{RUN}/step-{step:08d}/state.json", str(step)).parent

    def names(self) -> list[str]:
        root = self.home.root
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def first(store: ObjectStore, tmp_path: Path) -> Machine:
    return Machine(store, tmp_path / "first", 1)


@pytest.fixture
def second(store: ObjectStore, tmp_path: Path) -> Machine:
    return Machine(store, tmp_path / "second", 2)


def test_another_machine_gets_all_files_of_a_run_and_none_of_another(first: Machine, second: Machine) -> None:
    first.write(f"logs/{RUN}.log", "a line\n")
    first.write(f"logs/{RUN}.log.1", "an older line\n")
    first.write(f"answers/{RUN}.samples.jsonl", "[]\n")
    first.write(f"artifacts/{RUN}.1/recipe.json", "{}")
    first.write(f"checkpoints/{RUN}/journal.jsonl", "[]")
    first.write(f"checkpoints/{RUN}/run.json", "{}")
    first.checkpoint(20)
    mine = first.names()
    first.write("logs/other.log", "of another run\n")
    first.write(f"checkpoints/{RUN}/.step-00000030-abc/state.json", "half written")
    first.files.push()
    second.files.pull()
    assert second.names() == mine
    assert (second.home.root / f"logs/{RUN}.log").read_text() == "a line\n"


def test_a_checkpoint_is_stored_after_the_curves_that_lead_to_it(first: Machine, store: ObjectStore) -> None:
    first.write(f"checkpoints/{RUN}/journal.jsonl", "[[1]]")
    first.files.push()
    assert objects_in(store) == []
    first.checkpoint(20)
    with failing(store, lambda path: "/step-" in path), pytest.raises(StoreUnavailable):
        first.files.push()
    assert [path.split("/")[-2] for path in objects_in(store) if not path.endswith(".partial")] == ["journal.jsonl"]


def test_a_checkpoint_whose_upload_broke_off_is_absent_elsewhere_and_the_one_before_is_whole(
    first: Machine, second: Machine, store: ObjectStore
) -> None:
    first.checkpoint(20)
    first.files.push()
    first.checkpoint(40)
    with failing(store, lambda path: "step-00000040" in path) as failed, pytest.raises(StoreUnavailable):
        first.files.push()
    assert failed
    second.files.pull()
    assert second.names() == [f"checkpoints/{RUN}/step-00000020/state.json"]
    first.files.push()
    second.files.pull()
    assert len(second.names()) == 2


def test_checkpoints_that_are_dropped_on_a_machine_are_dropped_in_the_store(first: Machine, second: Machine) -> None:
    for step in (20, 40):
        first.checkpoint(step)
    first.files.push()
    second.files.pull()
    dropped = first.checkpoint(20)
    (dropped / "state.json").unlink()
    dropped.rmdir()
    first.checkpoint(60)
    first.files.push()
    second.files.pull()
    assert [name.split("/")[2] for name in second.names()] == ["step-00000040", "step-00000060"]


def test_a_damaged_checkpoint_is_left_out_and_damaged_answers_are_told(
    first: Machine, second: Machine, store: ObjectStore
) -> None:
    for step in (20, 40):
        first.checkpoint(step)
    first.files.push()
    (damaged,) = [path for path in objects_in(store) if "step-00000040" in path]
    store._fs.pipe_file(f"{store._root}/{damaged}", b"damaged")
    second.files.pull()
    assert second.names() == [f"checkpoints/{RUN}/step-00000020/state.json"]
    first.write(f"answers/{RUN}.jsonl", "{}")
    first.files.push()
    (damaged,) = [path for path in objects_in(store) if "/answers/" in path]
    store._fs.pipe_file(f"{store._root}/{damaged}", b"damaged")
    with pytest.raises(Damaged, match=r"answers/r1\.jsonl"):
        second.files.pull()


def test_a_worker_that_was_given_up_hides_nothing_of_its_successor(
    first: Machine, second: Machine, store: ObjectStore, tmp_path: Path
) -> None:
    first.write(f"logs/{RUN}.log", "first\n")
    first.checkpoint(20)
    first.files.push()
    second.files.pull()
    second.write(f"logs/{RUN}.log", "first\nsecond\n")
    second.checkpoint(40)
    second.files.push()
    for number in range(5):
        first.write(f"logs/{RUN}.log", f"first, still here {number}\n")
        first.files.push()
    third = Machine(store, tmp_path / "third", 3)
    third.files.pull()
    assert (third.home.root / f"logs/{RUN}.log").read_text() == "first\nsecond\n"
    assert f"checkpoints/{RUN}/step-00000040/state.json" in third.names()


def test_only_the_newest_artifact_is_kept(first: Machine, second: Machine) -> None:
    first.write(f"artifacts/{RUN}.9/recipe.json", "9")
    first.files.push()
    second.files.pull()
    second.write(f"artifacts/{RUN}.10/recipe.json", "10")
    second.files.push()
    first.files.pull()
    assert f"artifacts/{RUN}.10/recipe.json" in first.names()
    assert f"artifacts/{RUN}.9/recipe.json" not in first.names()


def test_a_file_that_is_gone_in_the_store_goes_here_and_one_that_was_never_stored_stays(
    first: Machine, second: Machine
) -> None:
    weights = first.write(f"answers/{RUN}.tokens.json", "{}")
    first.files.push()
    second.files.pull()
    second.write(f"answers/{RUN}.prompt.json", "{}")
    weights.unlink()
    first.files.push()
    second.files.pull()
    assert second.names() == [f"answers/{RUN}.prompt.json"]


def test_names_in_the_store_that_are_not_of_the_run_are_passed_over(
    first: Machine, second: Machine, store: ObjectStore, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile"
    hostile.write_text("x")
    for item in ("answers/other.jsonl", "studio.db", "checkpoints/other/run.json", f"checkpoints/{RUN}/step-1.py"):
        put(store, f"runs/{RUN}", item, hostile)
    second.files.pull()
    assert second.names() == []


def test_nothing_is_fetched_or_stored_twice(first: Machine, second: Machine, store: ObjectStore) -> None:
    first.write(f"logs/{RUN}.log", "a line\n")
    first.checkpoint(20)
    first.files.push()
    second.files.pull()
    before = objects_in(store)
    with failing(store, lambda path: "/step-" in path or path.endswith(".zip") or "logs/" in path):
        first.files.push()
        second.files.pull()
        Machine(store, second.home.root).files.pull({"logs"})  # after a restart: what is here already is the same
    assert objects_in(store) == before


def test_what_is_written_into_another_run_removes_nothing_of_it(first: Machine, store: ObjectStore) -> None:
    first.write(f"answers/{RUN}.jsonl", "[]")
    first.files.push()
    helper = Machine(store, first.home.root.parent / "helper")
    helper.files.pull({"answers"})
    (helper.home.root / f"answers/{RUN}.jsonl").unlink()
    helper.write(f"answers/{RUN}.ways.json", "{}")
    helper.files.push({"answers"}, removes=False)
    assert set(store.versions(f"runs/{RUN}")) == {f"answers/{RUN}.jsonl", f"answers/{RUN}.ways.json"}


def test_files_that_are_the_same_already_are_neither_replaced_nor_left_to_a_sweep(
    first: Machine, store: ObjectStore
) -> None:
    folder, answers = (
        first.write(f"artifacts/{RUN}.1/recipe.json", "{}").parent,
        first.write(f"answers/{RUN}.jsonl", ""),
    )
    first.files.push()
    for path in (folder, answers):
        os.utime(path, (0, 0))
    kept = folder.stat().st_ino
    with failing(store, lambda path: path.rpartition("/")[2].startswith("000001-")):
        Machine(store, first.home.root).files.pull()
    assert folder.stat().st_ino == kept
    assert not older_than_a_day(folder) and not older_than_a_day(answers)


@pytest.mark.parametrize("text", [str(number) for number in range(4)])
def test_the_last_content_is_valid_though_an_upload_before_arrived_late(
    first: Machine, second: Machine, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    send = store._send

    def arrives_unanswered(source: Path, key: str) -> None:
        send(source, key)
        raise TimeoutError

    first.write(f"logs/{RUN}.log", "an upload that times out")
    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable):
        patch.setattr(store, "_send", arrives_unanswered)
        first.files.push()
    if text == "0":
        text = "an upload that times out"
        first.files.pull()
    first.write(f"logs/{RUN}.log", text)
    first.files.push()
    second.files.pull()
    assert (second.home.root / f"logs/{RUN}.log").read_text() == text
    assert len(objects_in(store)) == 1


@pytest.mark.parametrize("text", [str(number) for number in range(4)])
def test_a_former_content_that_cannot_be_removed_is_not_valid_again_and_goes_later(
    first: Machine, second: Machine, store: ObjectStore, text: str
) -> None:
    path = first.write(f"answers/{RUN}.jsonl", "one")
    first.files.push()
    for content in ("two", text):
        path.write_text(content)
        with removing_fails(store):
            first.files.push()
    second.files.pull()
    assert (second.home.root / f"answers/{RUN}.jsonl").read_text() == text
    path.unlink()
    first.files.push()
    assert objects_in(store) == []


@contextmanager
def removing_fails(store: ObjectStore) -> Iterator[None]:
    def fails(self: Any, path: str) -> None:
        raise ConnectionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store._fs), "rm_file", fails)
        yield


def test_who_waits_for_a_store_that_is_away_is_told_at_once(first: Machine, store: ObjectStore) -> None:
    with failing(store) as failed:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                first.files.pull()
    assert len(failed) == 1
