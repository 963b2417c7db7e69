"""Moving a studio's database to another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import open_database
from storage.errors import StorageError
from storage.jobs import JobState, JobStore
from storage.move import main, move
from storage.uploads import UploadStore


def test_everything_is_in_the_new_database_and_it_goes_on_from_there(url: str, tmp_path: Path) -> None:
    old_url = f"sqlite:///{tmp_path / 'old' / 'studio.db'}"
    old = JobStore(open_database(old_url))
    done, queued = old.add("döne", {"a": [1]}, "sample:x", "x", 3, tags=["t"]), old.add("next", {}, "sample:x", "x", 3)
    old.claim("here", [0])
    old.heartbeat(done.id, 3, "Training", [(step, "loss", 1 / step) for step in range(1, 15_000)])
    old.finish(done.id, JobState.DONE, scores={"accuracy": 0.5})
    old.release(done.id)
    (tmp_path / "t.csv").write_text("x")
    upload = UploadStore(old.database, tmp_path / "uploads").add(tmp_path / "t.csv", "t.csv", 0, ["x"])

    copied = move(old_url, url)

    assert copied["jobs"] == 2 and copied["metrics"] == 14_999 and copied["uploads"] == 1
    new = JobStore(open_database(url))
    assert new.list() == old.list()
    assert new.events(done.id) == old.events(done.id)
    assert new.curve(done.id, "loss") == old.curve(done.id, "loss")
    assert UploadStore(new.database, tmp_path / "uploads").list() == [upload]
    added = new.add("later", {}, "d", "d", 1)
    assert added.number > queued.number
    assert new.claim("here", [0]) == new.get(queued.id)
    assert new.heartbeat(queued.id, 1, "Training", [(1, "loss", 1.0), (1, "rate", 2.0)])
    with pytest.raises(StorageError, match="has runs already"):
        move(old_url, url)
    new.database.close()


def test_a_move_that_cannot_be_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"sqlite:///{tmp_path / 'a.db'}", "mysql://x"]) == 1
    assert "must be SQLite or PostgreSQL" in capsys.readouterr().err
    assert main([]) == 2
