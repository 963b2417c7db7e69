"""Every endpoint, every function of a page, every address and every file: as the owner, as another person, as nobody.

All are enumerated from the app itself: one that is added without a rule here fails these tests. What they find is the
table in docs/access.md (`LAMP_WRITE_DOCS=1` writes it anew).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from app.people import Person
from app.sign_in import SignIn
from app.studio import Studio
from app.ui import build_ui, web_app
from app.web.sign_in_routes import SignInRoutes
from storage.database import open_database
from storage.jobs import JobStore
from tests.people.calls import Caller
from tests.people.conftest import ADDRESS, HEADER, studio_at
from tests.people.things import BACKBONE, Things, add_things, unknown

ADA, EVE, ROOT = Person("ada"), Person("eve"), Person("root", is_admin=True)
DOCS = Path(__file__).parents[2] / "docs" / "access.md"

Arguments = Callable[[Things, str], list[Any]]
"""From somebody's things, and a file that was uploaded, to what an endpoint is called with."""
READS: dict[str, Arguments] = {
    "run": lambda things, _: [things.done],
    "results": lambda things, _: [things.done],
    "compare": lambda things, _: [[things.done, things.stopped]],
    "ways": lambda things, _: [things.done],
    "export": lambda things, _: [things.done],
    "try": lambda things, _: [things.done, ["a text"], None],
    "publish": lambda things, _: [things.done, "ada/prompt", "", True],
    "quote": lambda things, _: [things.recipe, things.dataset, 1, False],
}
CHANGES: dict[str, Arguments] = {
    "submit": lambda things, _: [things.recipe, things.dataset, "", 1],
    "resume": lambda things, _: [things.stopped],
    "stop": lambda things, _: [things.queued],
    "extend": lambda things, _: [things.done, 60],
    "compare_ways": lambda things, _: [things.done, ["instruction"], ""],
    "delete": lambda things, _: [things.done],
    "restore": lambda things, _: [things.done],
}
"""In this order: a run that is deleted cannot be resumed."""
OWN: dict[str, Arguments] = {
    "runs": lambda things, _: [100, 0],
    "upload_dataset": lambda _, file: [{"path": file, "meta": {"_type": "gradio.FileData"}}],
    "fetch_dataset": lambda _, file: ["acme/none", "", "", "main", False],
}
"""Endpoints that take nothing of anybody's: each person gets their own."""
OWNERS_RESULT = {"publish": "token", "try": "acme/tiny|adapter|prompt", "fetch_dataset": "Hub"}
"""What the owner is told where these tests have no Hub and no trained prompt: it is of the work, not of the door."""
REFUSED = (
    "File not allowed: .",
    "File not allowed: /",
    "There is nothing at",
    '{"detail":"Not Foun',
    '{"detail":"File not ',
)
SENTENCE = re.compile("There is no (run|uploaded file) ")


class World:
    """A served studio with two people and an admin, and what was found out about it."""

    def __init__(self, studio: Studio, client: TestClient, demo: gr.Blocks, folder: Path) -> None:
        self.studio, self.client, self.demo = studio, client, demo
        self.store = JobStore(open_database(studio.settings.database_url))
        self.hers = add_things(studio, self.store, ADA, folder / "1")
        self.hers_too = add_things(studio, self.store, ADA, folder / "2")
        """As much again, for what an admin does with it."""
        self.others = add_things(studio, self.store, EVE, folder / "3")
        self.table: dict[str, list[str]] = {}

    def caller(self, person: Person | None) -> Caller:
        return Caller(self.client, person.name if person else "").opens_a_page()

    @property
    def functions(self) -> list[Any]:
        """The Python functions behind the pages and the endpoints."""
        return [function for function in self.demo.fns.values() if function.fn is not None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_llama, home / "backbones" / BACKBONE.replace("/", "--"))
    studio = studio_at(home, SignIn(header=HEADER, admins=frozenset({"root"})))
    demo = build_ui(studio)
    with TestClient(web_app(demo, studio), base_url=ADDRESS, follow_redirects=False) as client:
        yield World(studio, client, demo, tmp_path_factory.mktemp("files"))
    studio.close()


def outcome(world: World, person: Person | None, name: str, arguments: Arguments, things: Things) -> tuple[bool, str]:
    caller = world.caller(person)
    file = caller.upload("own.csv", b"text,label\na,b\nc,d\n") if person and name == "upload_dataset" else "/x.csv"
    return caller.endpoint(name, arguments(things, file))


def without_ids(text: str, things: Things) -> str:
    for id in (things.dataset, things.done, things.stopped, things.queued):
        text = text.replace(id, "ID")
    return text


def test_every_endpoint_has_a_rule(world: World) -> None:
    named = set(world.client.get("/gradio_api/info", headers={HEADER: "ada"}).json()["named_endpoints"])
    assert named == {f"/{name}" for name in (*READS, *CHANGES, *OWN)}
    public = {function.api_name for function in world.functions if function.api_visibility == "public"}
    assert public == {*READS, *CHANGES, *OWN}


@pytest.mark.parametrize("name", [*READS, *CHANGES, *OWN])
def test_nobody_gets_nothing_of_an_endpoint(world: World, name: str) -> None:
    arguments = {**READS, **CHANGES, **OWN}[name]
    worked, said = outcome(world, None, name, arguments, world.hers)
    assert not worked and said.startswith("401 ")
    world.table.setdefault(name, []).append("401")


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_anothers_id_reads_exactly_as_an_id_that_nobody_has(world: World, name: str) -> None:
    arguments, nobodys = {**READS, **CHANGES}[name], unknown(world.hers)
    worked, said = outcome(world, EVE, name, arguments, world.hers)
    expected = outcome(world, EVE, name, arguments, nobodys)
    if name == "quote":  # which lists problems instead of failing
        assert worked and expected[0] and '"data": null' in said
    else:
        assert not worked and not expected[0]
    assert without_ids(said, world.hers) == without_ids(expected[1], nobodys)
    assert SENTENCE.search(said) and world.hers.secret not in said
    world.table[name].append("as an unknown id")


@pytest.mark.parametrize("name", OWN)
def test_a_list_and_a_new_thing_are_the_callers_own(world: World, name: str) -> None:
    _, said = outcome(world, EVE, name, OWN[name], world.hers)
    assert world.hers.secret not in said
    if name == "runs":
        assert world.others.secret in said
    world.table[name].append("their own")


def everything_of(world: World, things: Things) -> dict[str, object]:
    """What is stored of somebody's things, to see whether anything changed it."""
    upload = world.studio._datasets._uploads.get(things.dataset)
    jobs = {id: world.store.get(id) for id in (things.done, things.stopped, things.queued)}
    events = {id: world.store.events(id) for id in jobs}
    owned = {job.id for job in world.store.list(1000, comparisons=True) if job.owner == ADA.name}
    files = {path: path.stat().st_size for path in world.studio.settings.home.rglob("*") if things.done in str(path)}
    return {**jobs, "upload": upload, "events": events, "owned": owned, "files": files}


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


def sweep(world: World, person: Person, things: Things, only: Sequence[str] = ()) -> dict[str, str]:
    """What each private function answers to a person who names somebody's run and data set wherever they can."""
    runs, answers = [things.done, things.stopped, things.queued], {}
    event = {"run": things.done, "runs": runs, "act": "delete", "tag": "x", "sort": "name", "fresh": False}
    opened = next(one for one in world.functions if getattr(one.fn, "__qualname__", "") == "RunsList.open")
    for function in world.functions:
        name = getattr(function.fn, "__qualname__", "")
        if function.api_visibility == "public" or (only and name not in only):
            continue
        said = ""
        for text in (things.done, things.dataset, "secret"):
            page = world.caller(person)
            if text != "secret":  # the page's state names the run from now on; else it is a list that is searched
                page.handler(opened, [], f"run={things.done}")
            data = [value_for(component, text, things.dataset, runs[:2]) for component in function.inputs]
            said += page.handler(function, data, f"run={things.done}&from={things.done}&runs={things.done}", event)
        answers[f"{function._id} {name}"] = said
    return answers


@pytest.mark.slow
def test_no_function_of_a_page_tells_or_changes_anything_of_anothers(world: World) -> None:
    before = everything_of(world, world.hers)
    answers = sweep(world, EVE, world.hers)
    assert len(answers) > 100
    assert [name for name, said in answers.items() if world.hers.secret in said] == []
    assert everything_of(world, world.hers) == before
    # These show the same of one's own: the functions were reached with the ids that were meant.
    tell = ("RunPage.refresh", "RunsList.show", "ResultsTab.open", "ComparePage.show", "TuneForm.open")
    own = sweep(world, EVE, world.others, tell)
    assert {name.split(" ", 1)[1] for name, said in own.items() if world.others.secret in said} == {*tell}


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
    open_to_all = SignInRoutes(world.studio.settings).open
    for path, route in found:
        address = re.sub(r"{[^}]*}", "x", path) or "/"
        for method in getattr(route, "methods", None) or {"GET"}:
            status = world.client.request(method, address).status_code
            assert status in (401, 404) or address in open_to_all, (method, address, status)
    assert open_to_all == {"/favicon.ico"}


def downloads(world: World, things: Things, person: Person) -> dict[str, str]:
    """The files that are made for somebody to take home: what it is → where it lies."""
    own, exports = world.studio.as_(person), world.studio.settings.home / "exports"
    answers = exports / f"{things.done}-answers" / "run-answers.jsonl"
    answers.parent.mkdir(parents=True, exist_ok=True)
    answers.write_text(things.secret)
    return {
        "the zip of a prompt": str(own.export(things.done)),
        "the results as CSV": str(own.results_file(things.done)),
        "the comparison as CSV": str(own.worth_file(things.done)),
        "the answers to a list": str(answers),
        "the log": str(own.log_file(things.done)),
    }


def test_a_file_is_given_to_its_owner_alone(world: World) -> None:
    files = downloads(world, world.hers, ADA)
    files["a file that was just uploaded"] = world.caller(ADA).upload("u.csv", b"secret-of-ada")
    nothing = str(world.studio.settings.home / "exports" / "0000000000" / "x.zip")
    for what, file in files.items():
        for start in ("/gradio_api/file=", "/gradio_api/file/"):
            address = start + file
            assert world.caller(ADA).get(address)[0] == 200, what
            status, said = world.caller(EVE).get(address)
            other = world.caller(EVE).get(start + nothing)
            assert (
                (status, said.replace(file, "FILE"))
                == (other[0], other[1].replace(nothing, "FILE"))
                == (
                    403,
                    "File not allowed: FILE.",
                )
            )
            for headers in ({"range": "bytes=0-5"}, {"accept": "text/html"}):
                assert world.caller(EVE).get(address, **headers)[0] == 403
                assert world.caller(None).get(address, **headers)[0] == 401
            assert world.client.head(address, headers={HEADER: "eve"}).status_code == 403
        admin = world.caller(ROOT).get("/gradio_api/file=" + file)[0]
        world.table[what] = ["401", "as a file that is not there", "yes", "yes" if admin == 200 else "no"]


def test_no_way_of_writing_an_address_leads_to_anothers_file(world: World) -> None:
    home, things = world.studio.settings.home, world.hers
    files = downloads(world, things, ADA)
    own = Path(downloads(world, world.others, EVE)["the zip of a prompt"]).parent
    hers = Path(files["the zip of a prompt"])
    for path in (
        f"{own}/../{hers.parent.name}/{hers.name}",
        f"{home}/exports/./{hers.parent.name}/{hers.name}",
        f"{home}/exports/{things.done}",
        os.path.relpath(hers),
        f"{home}/studio.db",
        f"{home}/logs/{things.done}.log",
        f"{home}/logs/{world.others.done}.log",
        f"{home}/answers/{things.done}.jsonl",
        f"{home}/uploads/{things.dataset.removeprefix('upload:')}",
        f"{home}/artifacts/{things.done}.1/lamp_config.json",
        f"file://{hers}",
        f"http://127.0.0.1/{hers}",
    ):
        for start in ("/gradio_api/file=", "/gradio_api/file/", "/gradio_api/file=%2F"):
            status, said = world.caller(EVE).get(start + path)
            assert status in (403, 404) and said.replace(path, "")[:19] in REFUSED, (path, said)
    world.table["any other file under STUDIO_HOME"] = ["401", "no", "no", "no"]
    assert world.caller(ADA).get(f"/gradio_api/file={home}/studio.db")[0] == 403


def test_a_page_that_somebody_opened_is_not_heard_by_another(world: World) -> None:
    page = world.caller(ADA)
    listed = next(one for one in world.functions if getattr(one.fn, "__qualname__", "") == "RunsList.disk")
    assert "files take" in page.handler(listed, [None])
    taken = replace(world.caller(EVE), session=page.session)
    assert taken.handler(listed, [None]) == "There is no such page open."
    for path in (f"queue/data?session_hash={page.session}", f"heartbeat/{page.session}"):
        assert taken.get(f"/gradio_api/{path}") == (404, "There is no such page open.")


def test_no_error_message_search_or_count_tells_of_another(world: World) -> None:
    own = world.studio.as_(EVE)
    assert own.jobs(text=world.hers.secret) == [] and own.listed(100, text=world.hers.secret, deleted=True) == []
    assert sum(own.vitals().runs.values()) == len(own.jobs()) < len(world.store.list())
    assert world.hers.secret not in str(own.datasets()) and len(own.prompts()) == 1
    assert own.disk_use().total < world.studio.disk_use().total
    for prompt in (world.hers.done, "0" * 10):
        recipe = {**world.others.recipe, "lamp": {**world.others.recipe["lamp"], "initial": "prompt"}}
        recipe["lamp"]["initial_prompt"] = prompt
        worked, said = world.caller(EVE).endpoint("submit", [recipe, world.others.dataset, "", 1])
        assert not worked and f"There is no run '{prompt}'" in said


@pytest.mark.parametrize("who", ["ada", "root"])
@pytest.mark.parametrize("name", [*READS, *OWN, *CHANGES])
def test_the_owner_and_an_admin_get_what_they_ask_for(world: World, name: str, who: str) -> None:
    person, things = {"ada": (ADA, world.hers), "root": (ROOT, world.hers_too)}[who]
    worked, said = outcome(world, person, name, {**READS, **CHANGES, **OWN}[name], things)
    if name in OWNERS_RESULT:
        assert not worked and re.search(OWNERS_RESULT[name], said) and not SENTENCE.search(said), said
    else:
        assert worked, said
    if name in READS and name not in OWNERS_RESULT and name != "export":
        assert world.hers.secret in said
    world.table[name].append(
        "their own" if name in OWN and name != "runs" else "everybody's" if who == "root" else "yes"
    )


def test_the_table_in_the_documents_is_what_these_tests_have_found(world: World) -> None:
    lines = [
        "# Who gets what",
        "",
        "Made by `tests/people/test_access.py`, which calls every endpoint, function of a page, address and file of a",
        "studio in which people sign in. Where nobody signs in, everything is the one person's.",
        "",
        "| what | nobody | another person | the owner | an admin |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {_shown(what)} | {' | '.join(found)} |" for what, found in world.table.items()),
        "| every function of a page | 401 | nothing of the owner's | yes | everybody's |",
        "| every other address but the page to sign in on, `/favicon.ico` and `/health/` | 401 | | | |",
        "",
    ]
    assert all(len(found) == 4 for found in world.table.values()), world.table
    if os.environ.get("LAMP_WRITE_DOCS"):
        DOCS.write_text("\n".join(lines))
    assert DOCS.read_text() == "\n".join(lines), "LAMP_WRITE_DOCS=1 writes it anew"


def _shown(what: str) -> str:
    return f"`/{what}`" if what in {**READS, **CHANGES, **OWN} else what
