"""A served studio with two people and an admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.testclient import TestClient

from app.access.people import Person
from app.studio import Studio
from storage.database import open_database
from storage.jobs import JobStore
from tests.people.calls import Caller
from tests.people.things import add_things

ADA, EVE, ROOT = Person("ada"), Person("eve"), Person("root", is_admin=True)
ADA_READS = Person("ada", by_token=True, reads_only=True)


class World:
    """A served studio with two people and an admin, and what was found out about it."""

    def __init__(self, studio: Studio, client: TestClient, demo: gr.Blocks, folder: Path) -> None:
        self.studio, self.client, self.demo = studio, client, demo
        self.store = JobStore(open_database(studio.settings.database_url))
        self.hers = add_things(studio, self.store, ADA, folder / "1")
        self.hers_too = add_things(studio, self.store, ADA, folder / "2")
        """As much again, for what an admin does with it."""
        self.others = add_things(studio, self.store, EVE, folder / "3")
        self._reading = studio.as_(ADA).make_token("reads", reads_only=True, days=30)[1]
        self.table: dict[str, list[str]] = {}

    def caller(self, person: Person | None) -> Caller:
        token = self._reading if person == ADA_READS else ""
        return Caller(self.client, person.name if person else "", token=token).opens_a_page()

    @property
    def functions(self) -> list[Any]:
        """The Python functions behind the pages and the endpoints."""
        return [function for function in self.demo.fns.values() if function.fn is not None]
