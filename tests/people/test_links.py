"""Links by which others are shown a run: what is shown with one, to whom, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from app.access.people import Person
from app.studio_parts.links import LinkedRun
from lamp.errors import LampError
from storage.errors import JobNotFound, NotStored
from tests.people.calls import Caller
from tests.people.world import ADA, ADA_READS, EVE, ROOT, World


def function(world: World, name: str) -> Any:
    return next(one for one in world.functions if getattr(one.fn, "__qualname__", "") == name)


def opened(world: World, person: Person, secret: str) -> tuple[Caller, str]:
    """A page of somebody's that was opened at a link, and everything that it was sent."""
    page = world.caller(person)
    page.handler(function(world, "SharedPage.open"), [], f"link={secret}")
    return page, page.handler(function(world, "SharedPage.show"), [None, "UTC"], f"link={secret}")


@pytest.fixture
def secret(world: World) -> str:
    return world.studio.as_(ADA).make_link(world.hers.done)[1]


def test_with_a_link_another_person_sees_the_run_and_nothing_that_was_written_about_it(
    world: World, secret: str
) -> None:
    page, said = opened(world, EVE, secret)
    assert f"run {world.hers.secret}" in said and f"{world.hers.secret} text" in said and "Somebody shares" in said
    for private in ("note ", "tag "):
        assert private + world.hers.secret not in said
    assert "2026-05-01T12:00:00Z" not in said and world.hers.done not in said.replace(f"shared/{secret}", "")
    assert f"{world.hers.secret} text" in page.handler(function(world, "SharedPage.rows"), [None, 30])
    assert "Somebody shares" in page.handler(function(world, "SharedPage.show"), [None, "UTC"])
    assert "Somebody shares" in opened(world, ADA_READS, secret)[1]


def test_the_prompt_is_taken_home_with_a_link_by_whoever_has_signed_in(world: World, secret: str) -> None:
    address = f"/shared/{secret}.zip"
    answer = world.client.get(address, headers=world.caller(EVE).headers)
    assert answer.status_code == 200 and answer.content[:2] == b"PK" and answer.headers["cache-control"] == "no-store"
    assert world.caller(None).get(address)[0] == world.caller(None).get(f"/shared?link={secret}")[0] == 401


def test_a_link_opens_nothing_but_its_own_page(world: World, secret: str) -> None:
    opened(world, EVE, secret)
    own, run = world.studio.as_(EVE), world.hers.done
    for ask in (own.job, own.export, own.delete, own.results, own.stop, own.log_file):
        with pytest.raises(JobNotFound):
            ask(run)
    assert run not in {job.id for job in own.jobs()}
    assert {name for name in vars(LinkedRun) if not name.startswith("_")} == {"view", "run", "answer", "export"}


@pytest.mark.parametrize("why", ["wrong", "revoked", "deleted", "an id"])
def test_a_link_that_shows_nothing_reads_as_a_run_that_does_not_exist(world: World, secret: str, why: str) -> None:
    own, run = world.studio.as_(ADA), world.hers_too.done
    if why == "wrong":
        secret = "x" * 32
    elif why == "an id":
        secret = world.hers.done
    elif why == "revoked":
        own.revoke_link(world.hers.done, own.links(world.hers.done)[0].number)
    else:
        secret = own.make_link(run)[1]
        own.delete(run)
    page, said = opened(world, EVE, secret)
    assert f"There is no run &#x27;{secret}&#x27;." in said and "Somebody shares" not in said
    assert world.caller(EVE).get(f"/shared/{secret}.zip") == (404, f"There is no run {secret!r}.")
    assert "There is no run" in page.handler(function(world, "SharedPage.rows"), [None, 30])
    if why == "deleted":
        own.restore(run)


def test_only_the_owner_and_an_admin_make_list_and_revoke_links(world: World, secret: str) -> None:
    run = world.hers.done
    number = world.studio.as_(ADA).links(run)[0].number
    for ask in (
        lambda own: own.make_link(run),
        lambda own: own.links(run),
        lambda own: own.revoke_link(run, number),
    ):
        with pytest.raises(JobNotFound):
            ask(world.studio.as_(EVE))
        with pytest.raises(LampError, match="only reads"):
            ask(world.studio.as_(ADA_READS))
    with pytest.raises(NotStored):
        world.studio.as_(EVE).revoke_link(world.others.done, number)
    world.studio.as_(ROOT).revoke_link(run, number)
    with pytest.raises(JobNotFound):
        world.studio.linked(secret)


def test_a_run_has_twenty_links_at_most(world: World) -> None:
    own = world.studio.as_(EVE)
    for _ in range(20):
        own.make_link(world.others.done)
    with pytest.raises(LampError, match="has 20 links"):
        own.make_link(world.others.done)
