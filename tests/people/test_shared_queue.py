"""One queue for several people."""

from __future__ import annotations

from pathlib import Path

from app.access.people import Person
from app.access.sign_in import SignIn
from storage.database import open_database
from storage.jobs import JobStore
from tests.people.calls import HEADER
from tests.people.conftest import studio_at


def test_people_take_turns_however_many_runs_one_of_them_has_queued(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, SignIn(header=HEADER))
    store = JobStore(open_database(studio.settings.database_url))

    def queue(name: str, owner: str) -> str:
        return store.add(name, {"backbone": "acme/tiny"}, "sample:x", "x.csv", 10, owner=owner).id

    first, second, third = (queue(f"of ada {n}", "ada") for n in range(3))
    eves = queue("of eve", "eve")
    studio.as_(Person("ada")).raise_priority(third)
    assert store.queue() == [third, eves, first, second]
    assert studio.as_(Person("eve")).job(eves).owner == "eve"
    claimed = [store.claim("here", range(4)) for _ in range(4)]
    assert [job.id for job in claimed if job] == [third, eves, first, second]
