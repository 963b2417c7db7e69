"""Every function of a page and every address of the server, enumerated from the app itself: as another, as nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from starlette.routing import BaseRoute, Mount

from app.access.people import Person
from app.studio_parts.reading import READS_ONLY
from app.web.sign_in_routes import SignInRoutes
from tests.people.things import Things
from tests.people.world import ADA, ADA_READS, EVE, World


def everything_of(world: World, things: Things) -> dict[str, object]:
    """What is stored of somebody's things, to see whether anything changed it."""
    upload = world.studio._datasets._uploads.get(things.dataset)
    jobs = {id: world.store.get(id) for id in (things.done, things.stopped, things.queued)}
    events = {id: world.store.events(id) for id in jobs}
    owned = {job.id for job in world.store.list(1000, comparisons=True) if job.owner == ADA.name}
    home = world.studio.settings.home
    files = {path: path.stat().st_size for path in home.rglob("*") if things.done in str(path)}
    files = {path: size for path, size in files.items() if not path.is_relative_to(home / "exports")}  # made to be read
    links = world.studio.links(things.done)
    return {**jobs, "links": links, "upload": upload, "events": events, "owned": owned, "files": files}


def value_for(component: Any, text: str, dataset: str, runs: Sequence[str]) -> Any:
    """What a caller sends for an input of a page's function, to reach what belongs to somebody else."""
    if isinstance(component, gr.State):
        return None  # stands in the session, on the server
    if isinstance(component, gr.File | gr.UploadButton):
        return None
    if isinstance(component, gr.CheckboxGroup):
        return [value for _, value in component.choices[:1]]
    if isinstance(component, gr.Checkbox):
        return True
    if isinstance(component, gr.Number | gr.Slider):
        return 1
    if isinstance(component, gr.Radio) and any(value == "All" for _, value in component.choices):
        return "All"
    if isinstance(component, gr.Dropdown):
        return list(runs) if component.multiselect else dataset
    return text


def sweep(
    world: World,
    person: Person,
    things: Things,
    only: Sequence[str] = (),
    texts: Sequence[str] = (),
    link: str = "",
) -> dict[str, str]:
    """What each private function answers to a person who names somebody's run and data set wherever they can.

    texts: what stands in its texts, one call for each; link: the secret of a link to the run, if they have one.
    """
    runs, answers = [things.done, things.stopped, things.queued], {}
    event = {"run": things.done, "runs": runs, "act": "delete", "tag": "x", "sort": "name", "fresh": False}
    event["number"] = 1
    named = {getattr(one.fn, "__qualname__", ""): one for one in world.functions}
    opened, shared = named["RunsList.open"], named.get("SharedPage.open")
    for function in world.functions:
        name = getattr(function.fn, "__qualname__", "")
        if function.api_visibility == "public" or (only and name not in only):
            continue
        said = ""
        for text in texts or (things.done, things.dataset, "secret"):
            page = world.caller(person)
            if text != "secret":  # the page's state names the run from now on; else it is a list that is searched
                page.handler(opened, [], f"run={things.done}")
            if link and text != "secret":
                page.handler(shared, [], f"link={link}")
            data = [value_for(component, text, things.dataset, runs[:2]) for component in function.inputs]
            said += page.handler(
                function, data, f"run={things.done}&from={things.done}&runs={things.done}&link={link}", event
            )
        answers[f"{function._id} {name}"] = said
    return answers


@pytest.mark.slow
def test_no_function_of_a_page_tells_or_changes_anything_of_anothers_but_what_a_link_shows(world: World) -> None:
    link = world.studio.as_(ADA).make_link(world.hers.done)[1]
    before = everything_of(world, world.hers)
    answers = sweep(world, EVE, world.hers, link=link)
    assert len(answers) > 100
    told = {name.split(" ", 1)[1] for name, said in answers.items() if world.hers.secret in said}
    assert {name.partition(".")[0] for name in told} == {"SharedPage"}
    assert everything_of(world, world.hers) == before
    assert [name for name, said in answers.items() if "Sign in first" in said] == []  # threads of theirs know her too
    # These show the same of one's own: the functions were reached with the ids that were meant.
    tell = ("RunPage.refresh", "RunsList.show", "ResultsTab.open", "ComparePage.show", "TuneForm.open")
    own = sweep(world, EVE, world.others, tell)
    assert {name.split(" ", 1)[1] for name, said in own.items() if world.others.secret in said} == {*tell}


@pytest.mark.slow
def test_no_function_of_a_page_changes_anything_for_a_token_that_only_reads(world: World) -> None:
    before = everything_of(world, world.hers)
    answers = sweep(world, ADA_READS, world.hers, texts=[world.hers.done])
    assert len(answers) > 100
    assert everything_of(world, world.hers) == before
    said = {name.split(" ", 1)[1]: text for name, text in answers.items()}
    changing = ["RunPage.stop", "RunPage.resume", "RunPage.restore", "RunEditor.save", "RunEditor.delete"]
    changing += ["RunsList.change", "ShareBox.make", "ShareBox.revoke"]
    assert [name for name in changing if READS_ONLY not in said[name]] == []
    assert world.hers.secret in said["RunPage.refresh"]


def test_nobody_reaches_a_function_of_a_page(world: World) -> None:
    for function in world.functions:
        said = world.caller(None).handler(function, [None] * len(function.inputs))
        assert said.startswith(("The proxy in front of this studio", "Sign in first")), function


def routes_of(app: Any, prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    for route in app.routes:
        path = prefix + getattr(route, "path", "")
        if router := getattr(route, "original_router", None):
            yield from routes_of(router, prefix)
        elif isinstance(route, Mount):
            yield from routes_of(route.app, path) if hasattr(route.app, "routes") else [(path + "/x", route)]
        else:
            yield path, route


def test_no_address_of_the_server_answers_nobody(world: World) -> None:
    outer: Any = world.client.app
    while not hasattr(outer, "routes"):
        outer = outer._app
    found = list(routes_of(outer))
    assert len(found) > 80
    open_to_all = SignInRoutes(world.studio.settings, world.studio.owner_of_account).open
    for path, route in found:
        address = re.sub(r"{[^}]*}", "x", path) or "/"
        for method in getattr(route, "methods", None) or {"GET"}:
            status = world.client.request(method, address).status_code
            assert status in (401, 404) or address in open_to_all, (method, address, status)
    assert open_to_all == {"/favicon.ico"}


def test_a_page_that_somebody_opened_is_not_heard_by_another(world: World) -> None:
    page = world.caller(ADA)
    listed = next(one for one in world.functions if getattr(one.fn, "__qualname__", "") == "RunsList.disk")
    assert "files take" in page.handler(listed, [None])
    taken = replace(world.caller(EVE), session=page.session)
    assert taken.handler(listed, [None]) == "There is no such page open."
    for path in (f"queue/data?session_hash={page.session}", f"heartbeat/{page.session}"):
        assert taken.get(f"/gradio_api/{path}") == (404, "There is no such page open.")
