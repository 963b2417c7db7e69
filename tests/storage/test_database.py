"""Opening, migrating, refusing and copying a database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from storage.database import Database, open_database
from storage.errors import DatabaseTooNew, DatabaseUnavailable, StorageError
from storage.jobs import JobStore
from storage.migrate import migrate
from storage.tables import Base


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'studio.db'}")
    with database.read() as session:
        settings = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}


def test_a_reader_is_not_held_up_by_a_writer_and_sees_what_was_committed(tmp_path: Path) -> None:
    store = JobStore(open_database(f"sqlite:///{tmp_path / 'studio.db'}"))
    job = store.add("a", {}, "d", "d", 1)
    with closing(sqlite3.connect(tmp_path / "studio.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE jobs SET name = 'half done'")
        began = time.monotonic()
        assert store.get(job.id).name == "a" and store.list()[0].name == "a"
        assert time.monotonic() - began < 1


def test_a_database_of_a_newer_studio_is_refused_in_one_sentence(url: str, database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"newer LAMP Studio \(its schema is '9999'"):
        open_database(url)
    with database.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999", "nothing was changed"


def at_first_schema(url: str) -> None:
    """A database as the first version of the studio left it, with a run in it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    migrate(engine, None, "0001")
    values = {
        **dict.fromkeys(("id", "name", "dataset", "dataset_name"), "kept"),
        **dict.fromkeys(("phase", "owner", "note"), ""),
        **dict.fromkeys(("step", "steps", "priority", "ticket", "gpus", "attempts", "resumes", "beats"), 0),
        **dict.fromkeys(("scores",), "{}"),
        **dict.fromkeys(("tags", "slots"), "[]"),
        "state": "queued",
        "config": '{"backbone": "org/model"}',
        "created_at": "2026-01-01 00:00:00",
    }
    columns = ", ".join(values)
    with engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO jobs ({columns}) VALUES ({', '.join(f':{name}' for name in values)})"), values
        )
    engine.dispose()


def test_a_copy_is_made_before_a_migration_and_the_runs_are_still_there(url: str, tmp_path: Path) -> None:
    at_first_schema(url)
    database = open_database(url, backups=tmp_path / "backups")
    assert [(job.name, job.backbone, job.stop_heard) for job in JobStore(database).list()] == [
        ("kept", "org/model", False)
    ]
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM uploads")) == 0
    copies = list((tmp_path / "backups").iterdir())
    assert len(copies) == 1 and "schema-0001" in copies[0].name
    open_database(url, backups=tmp_path / "backups").close()
    assert len(list((tmp_path / "backups").iterdir())) == 1, "nothing to migrate, nothing to copy"


def test_the_copy_of_an_sqlite_database_is_the_one_from_before_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studio.db'}"
    at_first_schema(url)
    open_database(url, backups=tmp_path / "backups").close()
    [path] = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT name FROM jobs").fetchall() == [("kept",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


def test_a_first_start_makes_no_copy(url: str, tmp_path: Path) -> None:
    open_database(url, backups=tmp_path / "backups").close()
    assert not (tmp_path / "backups").exists()


def test_processes_that_start_at_once_migrate_it_once(url: str) -> None:
    program = "import sys; from storage.database import open_database; open_database(sys.argv[1])"
    starts = [
        subprocess.Popen([sys.executable, "-c", program, url], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    errors = [start.communicate()[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], errors
    database = open_database(url)
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    database.close()


def test_a_migration_that_breaks_off_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_first_schema(url)
    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_table", None)
        with pytest.raises(TypeError):
            open_database(url)
    database = open_database(url)
    assert [job.name for job in JobStore(database).list()] == ["kept"]
    database.close()


def test_a_write_waits_for_another_writer_and_gives_up_with_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studio.db'}"
    patient = JobStore(open_database(url))
    impatient = JobStore(open_database(url, busy_seconds=0.2))
    with closing(sqlite3.connect(tmp_path / "studio.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="The database did not answer: database is locked"):
            impatient.add("a", {}, "d", "d", 1)
        release = threading.Timer(1.0, lambda: other.execute("COMMIT"))
        release.start()
        assert patient.add("b", {}, "d", "d", 1).name == "b"
        release.join()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://x/y", "must be SQLite or PostgreSQL, not 'mysql'"),
        ("nonsense", "The database URL cannot be used"),
        ("sqlite://", "must be a file"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        open_database(url)


def test_a_server_that_is_not_there_is_one_sentence(postgres: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="The database did not answer"):
        open_database("postgresql://studio@127.0.0.1:1/nowhere")
