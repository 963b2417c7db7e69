"""Two servers with a disk of their own each, one database and one store of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import fill
from storage.database import Database, open_database
from storage.errors import NotStored, StoreUnavailable
from storage.shared_files import Files, fetch_upload, open_files, put_upload
from storage.uploads import Upload, UploadStore
from tests.storage.stores import failing, objects_in

RUN = "r1"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'studio.db'}")


@pytest.fixture
def first(tmp_path: Path) -> Files:
    (tmp_path / "store").mkdir()
    return new_server(tmp_path, "first")


@pytest.fixture
def second(first: Files, tmp_path: Path) -> Files:
    return new_server(tmp_path, "second")


def new_server(tmp_path: Path, name: str) -> Files:
    (tmp_path / name).mkdir(exist_ok=True)
    return open_files(tmp_path / name, f"file://{tmp_path / 'store'}")


def stored(files: Files) -> list[str]:
    assert files.shared is not None
    return objects_in(files.shared.store)


def add_upload(uploads: UploadStore, tmp_path: Path) -> Upload:
    (tmp_path / "table.csv").write_text("text,label\na,b\n")
    upload = uploads.add(tmp_path / "table.csv", "table.csv", 1, ["text", "label"])
    with uploads.staged() as staged:
        staged.write_text("a table")
        uploads.add_table(upload.reference, "table.csv", staged)
    return upload


def test_an_upload_and_its_table_are_fetched_where_they_are_read(
    first: Files, second: Files, database: Database, tmp_path: Path
) -> None:
    upload, there = add_upload(first.uploads(database), tmp_path), second.uploads(database)
    there.check(upload.reference)
    assert list(second.home.uploads.iterdir()) == []
    assert there.table(upload.reference, "table.csv").read_text() == "a table"
    assert there.path(upload.reference).read_text() == "text,label\na,b\n"


def test_an_upload_that_cannot_be_stored_is_not_recorded(first: Files, database: Database, tmp_path: Path) -> None:
    assert first.shared is not None
    uploads = first.uploads(database)
    with failing(first.shared.store), pytest.raises(StoreUnavailable):
        add_upload(uploads, tmp_path)
    assert uploads.list() == []


def test_an_upload_that_is_added_again_stays_the_object_that_a_run_may_be_fetching(
    first: Files, second: Files, database: Database, tmp_path: Path
) -> None:
    upload = add_upload(first.uploads(database), tmp_path)
    before = stored(first)
    add_upload(second.uploads(database), tmp_path)
    assert stored(first) == before
    assert first.shared is not None
    assert fetch_upload(first.shared.store, tmp_path / "there" / upload.reference.removeprefix("upload:"))


def test_a_table_that_is_written_anew_while_it_is_fetched_is_fetched_all_the_same(
    first: Files, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert first.shared is not None
    add_upload(first.uploads(database), tmp_path)
    (table,) = first.home.uploads.glob("*.parquet")
    store, listed = first.shared.store, first.shared.store.versions(f"uploads/{table.name.partition('.')[0]}")
    table.write_text("a newer table")
    put_upload(store, table)
    now, answers = store.versions, [listed]
    monkeypatch.setattr(store, "versions", lambda group: answers.pop() if answers else now(group))
    assert fetch_upload(store, tmp_path / "there" / table.name)
    assert (tmp_path / "there" / table.name).read_text() == "a newer table"


def test_a_deleted_upload_is_gone_from_the_store_too(
    first: Files, second: Files, database: Database, tmp_path: Path
) -> None:
    upload, there = add_upload(first.uploads(database), tmp_path), second.uploads(database)
    there.remove(upload.reference)
    assert stored(first) == []
    with pytest.raises(NotStored):
        there.check(upload.reference)


def test_what_could_not_be_removed_is_removed_by_a_later_sweep_unless_it_was_added_again(
    first: Files, database: Database, tmp_path: Path
) -> None:
    assert first.shared is not None
    uploads = first.uploads(database)
    upload = add_upload(uploads, tmp_path)
    with failing(first.shared.store):
        uploads.remove(upload.reference)
    assert len(stored(first)) == 2
    add_upload(uploads, tmp_path)
    uploads.sweep()
    uploads.check(upload.reference)
    with failing(first.shared.store):
        uploads.remove(upload.reference)
    uploads.sweep()
    assert stored(first) == []


def test_a_sweep_removes_nothing_that_another_database_may_know(
    first: Files, second: Files, database: Database, tmp_path: Path
) -> None:
    add_upload(first.uploads(database), tmp_path)
    with first.artifacts.stage(RUN) as staged:
        (staged / "recipe.json").write_text("{}")
    before, other = stored(first), open_database(f"sqlite:///{tmp_path / 'other.db'}")
    second.uploads(other).sweep()
    second.home.sweep(frozenset())
    second.artifacts.sweep(frozenset())
    assert stored(first) == before


def test_a_prompt_is_published_in_the_store_and_its_number_rises_everywhere(first: Files, second: Files) -> None:
    for files, text in ((first, "one"), (second, "two")):
        with files.artifacts.stage(RUN) as staged:
            (staged / "recipe.json").write_text(text)
    path = second.artifacts.path(RUN)
    assert path.name == f"{RUN}.2" and (path / "recipe.json").read_text() == "two"


def test_what_a_run_has_made_is_there_as_soon_as_it_has_ended(first: Files, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    course = {RUN: "running"}
    server = open_files(tmp_path / "second", f"file://{tmp_path / 'store'}", course.get)
    with pytest.raises(NotStored):
        server.artifacts.path(RUN)
    with first.artifacts.stage(RUN) as staged:
        (staged / "recipe.json").write_text("{}")
    course[RUN] = "done"
    assert server.artifacts.path(RUN).is_dir()


def test_answers_that_a_server_writes_are_read_on_the_other_one(first: Files, second: Files) -> None:
    for text in ("one", "two"):
        file = first.home.token_weights(RUN)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        first.home.keep(RUN)
    assert second.home.token_weights(RUN).read_text() == "two"
    assert not second.home.answers(RUN).exists()


def test_a_run_that_is_extended_takes_its_checkpoints_from_the_store(
    first: Files, second: Files, tmp_path: Path
) -> None:
    folder = first.home.checkpoints(RUN) / "step-00000020"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")
    assert first.shared is not None
    first.shared.of(RUN).push()
    second.home.copy_checkpoints(RUN, "r2")
    third = new_server(tmp_path, "third")
    third.home.copy_checkpoints("r2", "r3")
    assert (third.home.checkpoints("r3") / "step-00000020" / "state.json").read_text() == "{}"


def test_a_forgotten_run_is_gone_from_the_store(first: Files, second: Files) -> None:
    with first.artifacts.stage(RUN) as staged:
        (staged / "recipe.json").write_text("{}")
    second.home.forget(RUN)
    assert stored(first) == []
    with pytest.raises(NotStored):
        second.artifacts.path(RUN)


def test_a_store_that_does_not_answer_is_told_and_shows_nothing_old(first: Files, second: Files) -> None:
    assert second.shared is not None
    with failing(second.shared.store), pytest.raises(StoreUnavailable, match="try again in a moment"):
        second.home.log(RUN)


def test_a_studio_that_was_on_one_disk_goes_on_with_a_store(first: Files, database: Database, tmp_path: Path) -> None:
    alone = open_files(tmp_path / "alone", "")
    upload = add_upload(alone.uploads(database), tmp_path)
    with alone.artifacts.stage(RUN) as staged:
        (staged / "recipe.json").write_text("{}")
    alone.home.answers(RUN).parent.mkdir()
    alone.home.answers(RUN).write_text("[]")
    assert fill.main([str(tmp_path / "alone"), f"file://{tmp_path / 'store'}"]) == 0
    assert first.uploads(database).table(upload.reference, "table.csv").read_text() == "a table"
    assert first.home.answers(RUN).read_text() == "[]" and first.artifacts.path(RUN).name == f"{RUN}.1"
    assert fill.main([str(tmp_path / "alone"), f"file://{tmp_path / 'nowhere'}"]) == 1


def test_a_store_that_is_filled_again_has_what_has_changed_since(first: Files, tmp_path: Path) -> None:
    answers = open_files(tmp_path / "alone", "").home.answers(RUN)
    answers.parent.mkdir()
    for text in (str(number) for number in range(5)):
        answers.write_text(text)
        assert fill.main([str(tmp_path / "alone"), f"file://{tmp_path / 'store'}"]) == 0
    assert first.home.answers(RUN).read_text() == "4"
    assert len(stored(first)) == 1


def test_without_a_store_nothing_is_different(tmp_path: Path, database: Database) -> None:
    files = open_files(tmp_path / "home", "")
    kinds = type(files.home), type(files.artifacts), type(files.uploads(database))
    assert [kind.__module__ for kind in kinds] == ["storage.home", "storage.artifacts", "storage.uploads"]
