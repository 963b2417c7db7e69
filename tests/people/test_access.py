"""Every endpoint and every file: as the owner, as another person, as an admin, as nobody, with a token that only reads.

The endpoints are enumerated from the app itself: one that is added without a rule here fails these tests. What they
find is the table in docs/access.md (`LAMP_WRITE_DOCS=1` writes it anew).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.access.people import Person
from app.studio_parts.reading import READS_ONLY
from tests.people.calls import HEADER
from tests.people.things import Things, unknown
from tests.people.world import ADA, ADA_READS, EVE, ROOT, World

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
    "publish": lambda things, _: [things.done, "ada/prompt", "", True, "refuse", ""],
    "publish_space": lambda things, _: [things.done, "ada/prompt", "", True, "refuse", False],
    "card": lambda things, _: [things.done, None],
    "export_state": lambda things, _: [things.done, "merged"],
    "exported": lambda things, _: [things.done, "merged"],
    "quote": lambda things, _: [things.recipe, things.dataset, 1, False],
}
CHANGES: dict[str, Arguments] = {
    "submit": lambda things, _: [things.recipe, things.dataset, "", 1],
    "resume": lambda things, _: [things.stopped],
    "stop": lambda things, _: [things.queued],
    "extend": lambda things, _: [things.done, 60],
    "compare_ways": lambda things, _: [things.done, ["instruction"], ""],
    "score_prompt": lambda things, _: [things.done, things.dataset, ""],
    "begin_export": lambda things, _: [things.done, "none"],
    "delete": lambda things, _: [things.done],
    "restore": lambda things, _: [things.done],
}
"""In this order: a run that is deleted cannot be resumed."""
OWN: dict[str, Arguments] = {
    "runs": lambda things, _: [100, 0],
    "upload_dataset": lambda _, file: [{"path": file, "meta": {"_type": "gradio.FileData"}}],
    "import_prompt": lambda *_: [None, "acme/none", "main", "", "", [], "", ""],
    "fetch_dataset": lambda _, file: ["acme/none", "", "", "main", False],
}
"""Endpoints that take nothing of anybody's: each person gets their own."""
REFUSED_TO_READERS = {"publish", "publish_space", "upload_dataset", "import_prompt", "fetch_dataset", *CHANGES}
"""What changes something, and is refused to a token that only reads."""
OWNERS_RESULT = {
    "publish": "token",
    "publish_space": "token|cannot be read",
    "try": "acme/tiny|adapter|prompt",
    "fetch_dataset": "Hub",
    "import_prompt": "Hub",
    "score_prompt": "trained here",
    "begin_export": "There is no format",
    "export_state": "was not exported",
    "exported": "has no export",
}
"""What the owner is told where these tests have no Hub and no trained prompt: it is of the work, not of the door."""
REFUSED = (
    "File not allowed: .",
    "File not allowed: /",
    "There is nothing at",
    '{"detail":"Not Foun',
    '{"detail":"File not ',
)
SENTENCE = re.compile("There is no (run|uploaded file) ")


def outcome(world: World, person: Person | None, name: str, arguments: Arguments, things: Things) -> tuple[bool, str]:
    caller, uploads = world.caller(person), ADA if person == ADA_READS else person
    file = "/x.csv"
    if uploads and name == "upload_dataset":
        file = world.caller(uploads).upload("own.csv", b"text,label\na,b\nc,d\n")
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


@pytest.mark.parametrize("name", [*READS, *CHANGES, *OWN])
def test_a_token_that_only_reads_is_refused_every_change(world: World, name: str) -> None:
    worked, said = outcome(world, ADA_READS, name, {**READS, **CHANGES, **OWN}[name], world.hers)
    refused = READS_ONLY in said
    assert refused == (name in REFUSED_TO_READERS) and worked != (refused or name in OWNERS_RESULT), said
    world.table[name].append("no" if refused else "yes")


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
        allowed = (world.caller(who).get("/gradio_api/file=" + file)[0] == 200 for who in (ADA_READS, ADA, ROOT))
        world.table[what] = ["401", "as a file that is not there", *("yes" if one else "no" for one in allowed)]
    taken = world.client.post("/gradio_api/upload", files={"files": b"x"}, headers=world.caller(ADA_READS).headers)
    assert (taken.status_code, taken.text) == (403, READS_ONLY)


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
    world.table["any other file under STUDIO_HOME"] = ["401", "no", "no", "no", "no"]
    assert world.caller(ADA).get(f"/gradio_api/file={home}/studio.db")[0] == 403


def test_anothers_file_cannot_be_handed_in_as_ones_own(world: World) -> None:
    files = downloads(world, world.hers, ADA)
    files["an upload"] = world.caller(ADA).upload("u.csv", b"text,label\nsecret-of-ada,b\nc,d\n")
    before = world.studio.as_(EVE).datasets()
    for what, file in files.items():
        given = {"path": file, "meta": {"_type": "gradio.FileData"}}
        value: Any
        for value in (given, [given], {"nested": [given]}):
            worked, said = world.caller(EVE).endpoint("upload_dataset", [value])
            assert not worked and said == f"403 File not allowed: {file}.", what
        for value in ({"path": file}, {"path": file, "meta": {}}, {"url": file}, file):
            worked, said = world.caller(EVE).endpoint("upload_dataset", [value])
            assert not worked, (what, said)
    assert world.studio.as_(EVE).datasets() == before


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
        "Made by `tests/people/test_access.py`, which calls every endpoint and asks for every file of a studio where",
        "people sign in; `test_pages.py` beside it calls every function of a page and every address. Where nobody",
        "signs in, everything is the one person's. A token that may do everything is its owner; one that is wrong, has",
        "ended or was revoked is nobody.",
        "",
        "| what | nobody | another person | a token of the owner's that only reads | the owner | an admin |",
        "| --- | --- | --- | --- | --- | --- |",
        *(f"| {_shown(what)} | {' | '.join(found)} |" for what, found in world.table.items()),
        "| every function of a page | 401 | nothing of the owner's | no changes | yes | everybody's |",
        "| a run that is shared: its page and its zip (`test_links.py`) "
        "| 401 | with the link | with the link | with the link | with the link |",
        "| a run that is shared: everything else | 401 | as an unknown id | no changes | yes | everybody's |",
        "| a served prompt at `/v1` (`test_endpoint.py`) | 401 | as an unknown name | yes | yes | everybody's |",
        "| every other address but the page to sign in on, `/favicon.ico` and `/health/` | 401 | | | | |",
        "",
    ]
    assert all(len(found) == 5 for found in world.table.values()), world.table
    if os.environ.get("LAMP_WRITE_DOCS"):
        DOCS.write_text("\n".join(lines))
    assert DOCS.read_text() == "\n".join(lines), "LAMP_WRITE_DOCS=1 writes it anew"


def _shown(what: str) -> str:
    return f"`/{what}`" if what in {**READS, **CHANGES, **OWN} else what
