"""A demo: visitors see what its keeper has and try it, and nothing that they call changes anything."""

from __future__ import annotations

import asyncio
import inspect
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from app import main
from app.access.people import Person
from app.access.quotas import Quotas
from app.access.sign_in import SignIn
from app.settings import Settings
from app.studio import Studio
from app.studio_parts.demo import MAY, VISITOR, only_a_demo
from app.studio_parts.reading import NotAllowed
from app.ui import build_ui, web_app
from app.web.answers import Scope
from app.web.server import server_config
from app.web.visitors import Visitors
from lamp.config import TuneConfig
from lamp.errors import ConfigError
from storage.errors import JobNotFound, OverQuota
from storage.jobs import JobStore
from tests.people.calls import HEADER
from tests.people.conftest import ADDRESS, studio_at
from tests.people.test_access import CHANGES, OWN, READS
from tests.people.test_pages import sweep
from tests.people.things import BACKBONE, add_things
from tests.people.world import EVE, ROOT, World

REFUSAL = "This studio is a demo: nothing can be started, uploaded or changed here."


class Demo(World):
    """A studio of an admin and somebody else, opened as a demo. The things of the admin are `hers`."""

    def __init__(self, studio: Studio, client: TestClient, demo: Any, before: Studio, folder: Path) -> None:
        self.studio, self.client, self.demo = studio, client, demo
        self.store = JobStore(studio._database)
        self.hers = add_things(before, self.store, ROOT, folder)
        self.others = add_things(before, self.store, EVE, folder)
        for things, person in ((self.hers, ROOT), (self.others, EVE)):
            before.as_(person).export(things.done)

    def everything(self) -> tuple[dict[str, list[Any]], dict[str, int]]:
        """All rows of all tables; all files but those that are made for a download."""
        with self.studio._database.read() as session:
            tables = ("jobs", "events", "series", "metrics", "slots", "uploads")
            rows = {table: list(session.execute(text(f"SELECT * FROM {table}")).all()) for table in tables}
        home = self.studio.settings.home
        files = {str(path): path.stat().st_size for path in home.rglob("*") if path.is_file()}
        passing = (str(home / "exports"), str(home / "studio.db"), str(home / "server.log"))
        return rows, {path: size for path, size in files.items() if not path.startswith(passing)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_llama, home / "backbones" / BACKBONE.replace("/", "--"))
    before = studio_at(home, SignIn(header=HEADER, admins=frozenset({"root"})))
    studio = Studio(
        replace(before.settings, demo=True, sign_in=SignIn(admins=frozenset({"root"})), space="ada/studio"),
        before._database,
    )
    pages = build_ui(studio)
    with TestClient(web_app(pages, studio), base_url=ADDRESS, follow_redirects=False) as client:
        yield Demo(studio, client, pages, before, tmp_path_factory.mktemp("files"))
    studio.close()
    before.close()


def hidden_by_style(part: Any) -> bool:
    """Whether studio.css hides a component in a demo, or what it lies in.

    The list of runs stays: only what it shows of deleted runs brings them back, and visitors are shown none.
    """
    style = (Path(main.__file__).parent / "ui" / "studio.css").read_text()
    hidden = set(re.findall(r"#([\w-]+)", style.partition("body:has(.ls-demo)")[2].partition("{")[0]))
    hidden = hidden - {"section-model"} | {"runs", "list-said"}
    while part is not None and part.elem_id not in hidden:
        part = part.parent
    return part is not None


def test_visitors_are_not_asked_who_they_are_and_see_the_keepers_runs_alone(demo: Demo) -> None:
    visitor = demo.caller(None)
    status, page = visitor.get("/runs")
    assert status == 200 and "A demo." in page
    assert "https://huggingface.co/spaces/ada/studio?duplicate=true" in page and "Duplicate this Space to train" in page
    worked, said = visitor.endpoint("runs", [100, 0])
    assert worked and demo.hers.secret in said and demo.others.secret not in said
    assert visitor.endpoint("run", [demo.others.done]) == (False, f"There is no run '{demo.others.done}'.")
    seen = demo.studio.as_(VISITOR)
    assert seen.results(demo.hers.done) is not None
    with pytest.raises(JobNotFound):
        seen.results(demo.others.done)
    for things, status in ((demo.hers, 200), (demo.others, 403)):
        (file,) = (demo.studio.settings.home / "exports").glob(f"{things.done}.*/*.zip")
        assert visitor.get(f"/gradio_api/file={file}")[0] == status
    assert visitor.get(f"/gradio_api/file={demo.studio.settings.database_url.removeprefix('sqlite:///')}")[0] == 403
    assert visitor.get("/metrics")[0] == 404


def test_what_reads_works_for_visitors_and_what_changes_is_refused_by_every_endpoint(demo: Demo) -> None:
    visitor, before = demo.caller(None), demo.everything()
    for name, arguments in {**READS, **CHANGES, **OWN}.items():
        worked, said = visitor.endpoint(name, arguments(demo.hers, "/x.csv"))
        if name in CHANGES or name in ("publish", "publish_space", "upload_dataset", "import_prompt", "fetch_dataset"):
            assert not worked and (said.startswith(REFUSAL) or said == "403 File not allowed: /x.csv."), (name, said)
        else:
            assert REFUSAL not in said or name == "quote", (name, said)
    assert demo.everything() == before


def test_no_file_is_taken_from_a_visitor(demo: Demo) -> None:
    answer = demo.client.post("/gradio_api/upload", files={"files": ("rows.csv", b"text,label\na,b\n")})
    assert (answer.status_code, answer.text) == (403, only_a_demo(demo.studio.settings))


@pytest.mark.slow
def test_no_function_of_a_page_changes_anything_of_a_demo(demo: Demo) -> None:
    before = demo.everything()
    answers = sweep(demo, VISITOR, demo.hers, texts=[demo.hers.done])
    assert len(answers) > 100
    assert demo.everything() == before
    assert [name for name, said in answers.items() if demo.others.secret in said] == []
    refused = {name.split(" ", 1)[1] for name, said in answers.items() if REFUSAL in said}
    for name in ("RunPage.stop", "RunPage.resume", "RunEditor.save", "RunEditor.delete"):
        assert name in refused
    # Whatever would be refused is not on the page.
    for function in demo.functions:
        if REFUSAL in answers.get(f"{function._id} {getattr(function.fn, '__qualname__', '')}", ""):
            for target, event in function.targets:
                if event in ("click", "submit", "upload", "select", "input", "blur"):
                    assert hidden_by_style(demo.demo.blocks[target]), (function.fn, event)
    # What a visitor comes for is none of it.
    assert refused.isdisjoint({"RunPage.show", "RunPage.refresh", "RunsList.show", "ResultsTab.open"})
    # The form is filled, and its card says that nothing is started here.
    assert "Your run" in next(said for name, said in answers.items() if name.endswith(" TuneForm.open"))


def test_every_function_of_the_studio_is_for_visitors_or_refused(demo: Demo) -> None:
    seen = demo.studio.as_(VISITOR)
    named = {name for name, _ in inspect.getmembers(Studio) if not name.startswith("_")}
    assert MAY - named == {"models", "person", "settings"}, "of the instance"
    changing = named - MAY
    assert {"submit", "add_dataset", "publish", "delete", "measure", "begin_export", "answer_lines"} <= changing
    for name in sorted(changing):
        with pytest.raises(NotAllowed, match=REFUSAL):
            getattr(seen, name)
    for name in ("download", "cancel_download", "remove"):
        with pytest.raises(NotAllowed):
            getattr(seen.models, name)


def test_a_recipe_is_looked_at_and_said_to_be_started_nowhere_here(demo: Demo) -> None:
    plan = demo.studio.as_(VISITOR).plan(TuneConfig.from_dict(demo.hers.recipe), demo.hers.dataset)
    assert plan.problems == (plan.closed,) == (f"{REFUSAL} Duplicate this Space to train.",)
    assert plan.preview is not None and plan.preview.row_count == 60
    page = demo.caller(None)
    look = next(one for one in demo.functions if getattr(one.fn, "__qualname__", "") == "TuneForm.look")
    values = [
        {"dataset": "sample:support-tickets.csv", "gpus": 1}.get(getattr(part, "elem_id", "")) for part in look.inputs
    ]
    said = page.handler(look, values)
    assert REFUSAL in said and "to put right" not in said


def through_the_server(person_of: Callable[[Scope], Person], on_space: bool, peer: str, *forwarded: str) -> str:
    """The address from which a request seems to come. peer: who is connected; forwarded: what it says of that."""
    seen: list[str] = []

    async def app(scope: Scope, receive: object, send: object) -> None:
        seen.append(person_of(scope).address)

    config = server_config(app, "0.0.0.0", 7860, on_space=on_space)
    config.load()
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}
    loaded: Any = config.loaded_app
    with ThreadPoolExecutor(1) as pool:  # the browser tests leave a running loop in their own thread
        pool.submit(asyncio.run, loaded(scope, None, None)).result()
    return seen[0]


def test_a_visitors_address_is_who_is_connected_or_what_a_trusted_proxy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    person = Visitors().person
    of_space, own = partial(through_the_server, person, True), partial(through_the_server, person, False)
    assert of_space("10.20.1.1", "203.0.113.5") == "203.0.113.5"
    assert of_space("10.20.1.1", "198.51.100.1, 203.0.113.5, 10.3.3.3") == "203.0.113.5"  # the first was the visitor's
    assert of_space("10.20.1.1", "198.51.100.1", "203.0.113.5") == "203.0.113.5"
    assert of_space("203.0.113.5", "198.51.100.1") == own("203.0.113.5", "198.51.100.1") == "203.0.113.5"
    assert own("10.20.1.1", "198.51.100.1") == "10.20.1.1"
    assert own("127.0.0.1", "198.51.100.1, 203.0.113.5") == "203.0.113.5"
    assert own("2001:db8:1:2:3::4") == own("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert own("::ffff:203.0.113.5") == "203.0.113.5"


def test_each_visitor_has_requests_of_their_own(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.studio, "settings", replace(demo.studio.settings, quotas=Quotas(requests=1)))
    monkeypatch.setattr(demo.studio, "_bound", {})

    def asks(address: str) -> None:
        # A run without a prompt to inspect is refused only after the request was counted.
        with pytest.raises(JobNotFound):
            demo.studio.as_(replace(VISITOR, address=address)).try_prompt("0" * 10, ["x"])

    for address in ("203.0.113.5", "203.0.113.6"):
        asks(address)
        with pytest.raises(OverQuota, match="1 request within a minute"):
            asks(address)
    assert len(demo.studio._bound) == 1  # what visitors see is made once for all of them


def test_deleted_runs_are_not_shown_to_visitors(demo: Demo) -> None:
    run = demo.store.add("gone", demo.hers.recipe, demo.hers.dataset, "x.csv", 10, owner="root").id
    demo.store.delete(run)
    assert demo.studio.as_(VISITOR).listed(100, deleted=True) == []
    assert [job.id for job, _ in demo.studio.listed(100, deleted=True)] == [run]
    demo.store.purge(run)


def test_the_setting_takes_the_place_of_signing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = {"STUDIO_USER_HEADER": "X-User", "STUDIO_ADMINS": "root", "SPACE_ID": "ada/studio"}
    settings = Settings.from_environment(signed_in | {"STUDIO_DEMO": "yes", "STUDIO_QUOTA_REQUESTS": "60"})
    assert settings.demo and settings.sign_in == SignIn(admins=frozenset({"root"}))
    assert settings.quotas == Quotas(requests=60)
    main.check_sign_in(settings)  # also on a Space that has no sign-in
    assert only_a_demo(replace(settings, space="")).endswith("Start a studio of your own to train.")
    assert not any(Settings.from_environment(signed_in | {"STUDIO_DEMO": no}).demo for no in ("", "no"))
    with pytest.raises(ConfigError, match="STUDIO_DEMO must be yes or no, not 'maybe'"):
        Settings.from_environment({"STUDIO_DEMO": "maybe"})
