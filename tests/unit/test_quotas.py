"""The limits for each person: read from the environment, and what is counted of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.access.quotas import UNLIMITED, Quotas
from app.access.usage import Usage
from app.main import check_sign_in
from app.processes.child_environment import child_environment
from app.settings import Settings
from app.views.estimates import places
from app.views.status import describe_status
from lamp.errors import ConfigError, LampError
from storage.database import open_database, utc_now
from storage.jobs import JobStore
from storage.quota import AtOnce

SIGNED_IN = {"STUDIO_USER_HEADER": "X-User", "STUDIO_ADMINS": "root"}


def test_nothing_is_limited_by_default() -> None:
    assert Settings.from_environment({}).quotas == UNLIMITED
    assert Settings.from_environment({}).at_once.most is None
    space = {"SPACE_ID": "ada/studio", "OAUTH_CLIENT_ID": "x", "OAUTH_CLIENT_SECRET": "y"}
    assert Settings.from_environment(space).quotas == UNLIMITED


def test_each_limit_has_a_variable() -> None:
    names = ("RUNNING", "QUEUED", "STEPS", "UPLOAD_MB", "STORAGE_GB", "REQUESTS")
    given = {f"STUDIO_QUOTA_{name}": str(number) for number, name in enumerate(names, start=1)}
    settings = Settings.from_environment(SIGNED_IN | given)
    assert settings.quotas == Quotas(1, 2, 3, 4_000_000, 5_000_000_000, 6)
    assert settings.at_once == AtOnce(1, frozenset({"root", ""}))


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "nan", "inf", "1e12"])
def test_a_limit_that_is_no_number_is_one_sentence(value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_environment(SIGNED_IN | {"STUDIO_QUOTA_QUEUED": value})
    assert refused.value.problems == (
        "STUDIO_QUOTA_QUEUED must be a whole number between 1 and 1,000,000,000, or empty for no limit, "
        f"not {value!r}.",
    )


def test_limits_where_nobody_signs_in_are_refused_instead_of_doing_nothing() -> None:
    with pytest.raises(LampError, match="nobody does here"):
        check_sign_in(Settings.from_environment({"STUDIO_QUOTA_STEPS": "100"}))


def test_a_worker_reads_the_limits_though_it_is_not_told_how_people_sign_in(tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.touch()
    server = {"STUDIO_AUTH": str(people), "STUDIO_QUOTA_STEPS": "100"}
    check_sign_in(Settings.from_environment(server))
    assert Settings.from_environment(child_environment(environment=server)).quotas == Quotas(steps=100)


def test_requests_are_counted_over_the_last_minute_for_each_person() -> None:
    now = 100.0
    usage = Usage(lambda: now)
    assert [usage.count_request("ada", 2) for _ in range(2)] == [0, 0]
    now = 130.0
    assert usage.count_request("ada", 2) == 30 and usage.count_request("eve", 2) == 0
    now = 160.0
    assert [usage.count_request("ada", 2) for _ in range(3)] == [0, 0, 60]


def test_a_refused_request_does_not_count() -> None:
    now = 0.0
    usage = Usage(lambda: now)
    usage.count_request("ada", 1)
    now = 59.0
    assert usage.count_request("ada", 1) == 1
    now = 60.0
    assert usage.count_request("ada", 1) == 0


def test_room_that_is_promised_is_nobody_elses_until_the_work_is_done() -> None:
    usage, seen = Usage(), list[int]()
    with usage.promised("ada", 10, seen.append), usage.promised("eve", 3, seen.append):
        with usage.promised("ada", 5, seen.append):
            pass

        def refuse(size: int) -> None:
            seen.append(size)
            raise ConfigError(["full"])

        with pytest.raises(ConfigError), usage.promised("ada", 7, refuse):
            pass
    with usage.promised("ada", 1, seen.append):
        pass
    assert seen == [10, 3, 15, 17, 1]


def test_a_run_that_waits_for_others_of_its_owner_says_so(tmp_path: Path) -> None:
    store = JobStore(open_database(f"sqlite:///{tmp_path / 'studio.db'}"))
    jobs = [store.add("run", {}, "sample:x", "x", 10, owner=owner) for owner in ("ada", "ada", "eve")]
    one = AtOnce(1)
    store.claim("here", range(3), one)
    found = places(store, 3, one)
    assert found[jobs[1].id].most_at_once == 1 and found[jobs[2].id].most_at_once is None
    said = describe_status(store.get(jobs[1].id), utc_now(), place=found[jobs[1].id])
    assert said.sentence == "It waits until another run of its owner has ended: 1 at once is the most here."
    assert said.time == ""
    assert places(store, 3)[jobs[1].id].most_at_once is None
