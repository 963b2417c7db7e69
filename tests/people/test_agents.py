"""What an agent can do with the tools of a studio in which people sign in: exactly what its person can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.people import Person
from app.access.sign_in import SignIn
from app.settings import Settings
from app.studio_parts.reading import READS_ONLY
from app.ui.agent_tools import AgentTools
from lamp.errors import ConfigError
from storage.jobs import JobStore
from tests.people.calls import HEADER
from tests.people.conftest import served, studio_at
from tests.people.test_access import CHANGES, OWN, READS
from tests.people.things import Things, add_things
from tests.people.world import ADA

NOT_FOR_AGENTS = {
    "publish",
    "publish_space",
    "card",
    "import_prompt",
    "score_prompt",
    "upload_dataset",
    "try",
    "fetch_dataset",
}
"""Endpoints that want a token of the Hub or a file, and those that have another function's name."""


class Agents:
    """A studio that answers agents, and Ada's things in it."""

    def __init__(self, client: TestClient, hers: Things, tools: frozenset[str], reading: str) -> None:
        """reading: a token of hers that only reads."""
        self.client, self.hers, self.tools, self.reading = client, hers, tools, reading

    def post(self, name: str, method: str, values: dict[str, Any]) -> tuple[int, str]:
        """The status and the body of one request. name: who asks, "" for nobody; or the token of a program."""
        who = {"authorization": f"Bearer {name}"} if name.startswith("ls_") else {HEADER: name} if name else {}
        answer = self.client.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": method, "params": values},
            headers={"accept": "application/json, text/event-stream", **who},
        )
        return answer.status_code, answer.text

    def call(self, person: str, tool: str, /, **arguments: Any) -> tuple[bool, str]:
        """Whether a tool did what it was asked for, and what it said."""
        status, body = self.post(person, "tools/call", {"name": tool, "arguments": arguments})
        assert status == 200, body
        result = json.loads(body.partition("data: ")[2])["result"]
        return not result["isError"], result["content"][0]["text"]


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    studio = studio_at(tmp_path_factory.mktemp("home"), SignIn(header=HEADER), agents=True)
    hers = add_things(studio, JobStore(studio._database), ADA, tmp_path_factory.mktemp("files"))
    with served(studio) as client:
        reading = studio.as_(ADA).make_token("an agent", reads_only=True, days=30)[1]
        yield Agents(client, hers, frozenset(AgentTools(studio).all()), reading)
    studio.close()


def test_nobody_gets_no_tools(agents: Agents) -> None:
    status, said = agents.post("", "tools/list", {})
    assert status == 401 and "did not say who you are" in said


def test_an_agent_sees_the_runs_and_tables_of_its_person_alone(agents: Agents) -> None:
    worked, said = agents.call("ada", "run", id=agents.hers.done)
    assert worked and json.loads(said)["id"] == agents.hers.done
    assert agents.hers.secret in agents.call("ada", "datasets")[1]
    for tool in ("run", "results", "export", "stop", "delete"):
        worked, said = agents.call("eve", tool, id=agents.hers.done)
        assert not worked and said == f"There is no run {agents.hers.done!r}."
    assert agents.call("eve", "runs") == (True, "[]")
    assert agents.hers.secret not in agents.call("eve", "datasets")[1]


def test_an_agent_with_a_token_that_only_reads_is_refused_every_change(agents: Agents) -> None:
    assert agents.hers.done in agents.call(agents.reading, "runs")[1]
    for tool, arguments in (("delete", {"id": agents.hers.done}), ("add_table", {"name": "x.csv", "content": "a,b"})):
        assert agents.call(agents.reading, tool, **arguments) == (False, READS_ONLY)
    assert agents.post("ls_" + "x" * 43, "tools/list", {})[0] == 401


def test_a_table_of_an_agent_is_its_persons(agents: Agents) -> None:
    worked, reference = agents.call("eve", "add_table", name="../../birds.csv", content="text,label\na,b\nc,d\n")
    assert worked
    mine = {one["reference"]: one["name"] for one in json.loads(agents.call("eve", "datasets")[1])}
    assert mine[reference] == "birds.csv"
    assert reference not in agents.call("ada", "datasets")[1]


def test_wrong_arguments_are_one_sentence(agents: Agents) -> None:
    assert agents.call("ada", "run") == (False, "Input validation error: 'id' is a required property")
    assert agents.call("ada", "nothing") == (False, "There is no tool 'nothing'.")
    worked, said = agents.call("ada", "add_table", name="empty.csv", content=" ")
    assert not worked and said.startswith("Give the text of a table as content")


def test_every_endpoint_is_a_tool_unless_it_wants_a_file_or_a_token(agents: Agents) -> None:
    assert {*READS, *CHANGES, *OWN} - agents.tools == NOT_FOR_AGENTS - {"try", "fetch_dataset"}


def test_agents_are_answered_only_where_that_is_asked_for(tmp_path: Path) -> None:
    assert not Settings.from_environment({"STUDIO_HOME": str(tmp_path)}).agents
    with pytest.raises(ConfigError, match="STUDIO_MCP must be yes or no, not 'maybe'"):
        Settings.from_environment({"STUDIO_MCP": "maybe"})
    studio = studio_at(tmp_path / "home", SignIn(header=HEADER))
    with served(studio) as client:
        assert client.post("/mcp", json={}, headers={HEADER: Person("ada").name}).status_code in (404, 405)
    studio.close()
