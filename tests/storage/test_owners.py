"""What one person's store gives of another person's rows: nothing, in the words for what does not exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from storage.database import Database, open_database
from storage.errors import JobNotFound, NotStored
from storage.jobs import Job, JobState, JobStore
from storage.migrate import migrate
from storage.owners import Owner
from storage.uploads import UploadStore

ADA, EVE = Owner("ada", sees_all=False), Owner("eve", sees_all=False)


def test_a_run_of_another_reads_as_an_id_that_nobody_has(store: JobStore, add: Callable[..., Job]) -> None:
    run = add("a secret name", owner="ada")
    hers, other = JobStore(store.database, owner=ADA), JobStore(store.database, owner=EVE)
    asked: list[Callable[[JobStore, str], object]] = [
        lambda store, id: store.get(id),
        lambda store, id: store.events(id),
        lambda store, id: store.latest_metrics(id),
        lambda store, id: store.curve(id, "loss"),
        lambda store, id: store.short_curves(id, ["loss"]),
        lambda store, id: store.rename(id, "mine"),
        lambda store, id: store.annotate(id, "", []),
        lambda store, id: store.add_tags(id, ["x"]),
        lambda store, id: store.put_first(id),
        lambda store, id: store.request_stop(id),
        lambda store, id: store.resume(id),
        lambda store, id: store.delete(id),
        lambda store, id: store.restore(id),
        lambda store, id: store.log_values(id, [(1, "loss", 1.0)]),
        lambda store, id: store.add("x", {}, "sample:x", "x", 1, curves_of=id),
    ]
    for ask in asked:
        messages = []
        for id in (run.id, "0" * len(run.id)):
            with pytest.raises(JobNotFound) as refused:
                ask(other, id)
            messages.append(str(refused.value).replace(id, "ID"))
        assert messages[0] == messages[1]
    assert store.get(run.id) == run and hers.get(run.id) == run
    assert [job.name for job in store.list()] == ["a secret name"]


def test_no_list_or_count_tells_of_the_runs_of_others(store: JobStore, add: Callable[..., Job]) -> None:
    own = JobStore(store.database, owner=EVE)
    before = own.add("first", {"backbone": "acme/tiny"}, "sample:x", "x.csv", 10)
    start, _ = own.ended_since(None)
    theirs = add("theirs", owner="ada")
    assert before.owner == "eve"
    claimed = [store.claim("here", [0, 1, 2]) for _ in range(2)]
    assert all(claimed)
    store.log_values(theirs.id, [(1, "rows_per_second", 5.0)])
    store.heartbeat(theirs.id, 1, "Training")
    store.finish(theirs.id, JobState.DONE)
    last = own.add("last", {"backbone": "acme/tiny"}, "sample:x", "x.csv", 10)
    assert [job.name for job in own.list()] == ["last", "first"] and own.list(text="theirs") == []
    assert [(job.id, earlier and earlier.id) for job, earlier in own.listed(9)] == [
        (last.id, before.id),
        (before.id, None),
    ]
    assert own.ended_since(start)[1] == [] and [job.id for job in store.ended_since(start)[1]] == [theirs.id]
    assert sum(own.count().values()) == 2 and sum(store.count().values()) == 3
    assert own.ids() == {before.id, last.id}
    assert own.newest_with("rows_per_second", "") is None and store.newest_with("rows_per_second", "") is not None
    store.add("of theirs", {}, "sample:x", "x", 1, owner="ada", parent=theirs.id, kind="comparison")
    assert own.comparison(theirs.id) is None and store.comparison(theirs.id) is not None


def test_two_people_with_the_same_file_know_nothing_of_each_other(database: Database, tmp_path: Path) -> None:
    hers, his, all_of_them = (UploadStore(database, tmp_path / "uploads", owner) for owner in (ADA, EVE, Owner("root")))
    (tmp_path / "t.csv").write_text("text,label\na,b\n")
    reference = hers.add(tmp_path / "t.csv", "hers.csv", 1, ["text", "label"], {"id": "acme/films"}).reference
    for ask in (his.get, his.path, his.remove, lambda reference: his.rename(reference, "x")):
        with pytest.raises(NotStored, match=f"There is no uploaded file '{reference}'"):
            ask(reference)
    assert his.list() == []
    with his.staged() as staged:
        staged.write_text("a table")
        his.add(tmp_path / "t.csv", "his.csv", 1, ["text", "label"])
        his.add_table(reference, "his.csv", staged)
    assert (hers.get(reference).name, his.get(reference).name) == ("hers.csv", "his.csv")
    assert his.get(reference).source is None
    assert [upload.name for upload in all_of_them.list()] == ["hers.csv"] == [all_of_them.get(reference).name]
    hers.remove(reference)
    assert hers.list() == [] and his.path(reference).is_file() and his.table(reference, "his.csv").is_file()
    his.remove(reference)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_what_was_there_before_there_were_owners_belongs_to_the_one_person_and_to_admins(
    url: str, tmp_path: Path
) -> None:
    database = open_database(url)
    migrate_down_to_five(database)
    with database.write() as session:
        values = "('" + "a" * 64 + "', 'old.csv', 3, NULL, NULL, NULL, '2026-01-01 00:00:00')"
        session.execute(text(f"INSERT INTO uploads (sha256,name,bytes,rows,columns,source,created_at) VALUES {values}"))
    migrate(database.engine, tmp_path / "backups")
    stores: list[Any] = [UploadStore(database, tmp_path, owner) for owner in (Owner(), Owner("root"), EVE)]
    assert [[upload.name for upload in store.list()] for store in stores] == [["old.csv"], ["old.csv"], []]
    database.close()


def migrate_down_to_five(database: Database) -> None:
    """Empties the database and brings it to the schema before owners."""
    from storage.tables import Base

    Base.metadata.drop_all(database.engine)
    with database.write() as session:
        session.execute(text("DROP TABLE alembic_version"))
    migrate(database.engine, None, "0005")
