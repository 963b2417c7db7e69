"""The endpoints as tools for agents, over the Model Context Protocol at /mcp, where `STUDIO_MCP` asks for it."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.context import LocalContext
from mcp.server.fastmcp.tools import Tool as Described
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations
from starlette.requests import Request

from app import limits
from app.studio import Studio
from app.ui.api import Endpoints
from app.ui.guard import guarded_endpoint
from app.web.answers import Receive, Scope, Send
from lamp.data.tables import KINDS
from lamp.errors import DataError

PATH = "/mcp"
_MOST_ROWS = 1_000
_ABOUT = """\
LAMP Studio trains soft prompts: a few thousand numbers in front of a frozen language model teach it a task.
The way: add_table, fetch_dataset or datasets gives the reference of a data set, backbones that of a model. quote tells
what a recipe would read and take, and every reason why it cannot be started. submit starts a run and gives its id; run
tells how far it is: ask every ten seconds or so. results and try tell how good the prompt is. export gives an address
to download its files from.
A recipe is an object of the parts backbone, data, lamp and train. It must name the backbone; the rest has defaults, and
the columns are guessed: {"backbone": "HuggingFaceTB/SmolLM2-135M-Instruct", "train": {"steps": 200}} is a whole one."""


class AgentTools:
    """What needs other arguments than a program's endpoint: an agent has no files here, and reads few rows at once."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._endpoints = studio, Endpoints(studio)

    def all(self) -> dict[str, Callable[..., Any]]:
        """Name → function. Those that endpoints have are called as they are there."""
        ends = self._endpoints
        same: list[Callable[..., Any]] = [ends.submit, ends.run, ends.runs, ends.quote, ends.stop, ends.resume]
        same += [ends.extend, ends.delete, ends.restore, ends.compare, ends.compare_ways, ends.ways]
        same += [ends.begin_export, ends.export_state]
        return {
            "datasets": self.datasets,
            "backbones": self.backbones,
            "add_table": self.add_table,
            "fetch_dataset": ends.fetch,
            **{function.__name__: function for function in same},
            "results": self.results,
            "try": ends.try_texts,
            "export": self.export,
            "exported": self.exported,
        }

    def datasets(self) -> list[dict[str, Any]]:
        """The data sets that there are: samples, and tables that were added. problem: why one cannot be read."""
        found = self._studio.datasets()
        return [
            {
                "reference": one.reference,
                "name": one.name,
                "rows": one.rows,
                "columns": list(one.columns),
                "problem": one.problem,
            }
            for one in found
        ]

    def backbones(self) -> list[dict[str, Any]]:
        """The language models that are offered; any other model of the Hub can be named by its id as well."""
        return [
            {
                "reference": choice.reference,
                "good_for": choice.offered.good_for,
                "parameters": choice.offered.parameters,
                "on_this_machine": choice.is_local,
                "too_large": choice.is_too_large,
            }
            for choice in self._studio.backbones()
        ]

    def add_table(self, name: str, content: str) -> str:
        """Keeps a table of examples; returns its reference.

        name: of a file, whose ending tells its kind, such as "tickets.csv" or "tickets.jsonl"; content: its text.
        """
        if not content.strip():
            raise DataError(f"Give the text of a table as content: {KINDS}.")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "table"
            file.write_text(content, encoding="utf-8")
            return self._studio.add_dataset(file, name).reference

    def results(self, id: str, most_rows: int = 20, wrong_only: bool = False) -> dict[str, Any] | None:
        """The score of a run's prompt on tested rows, its interval of 95 %, and rows with their two answers.

        most_rows: at most so many rows, 1,000 at a time; wrong_only: only rows that were not answered as expected.
        null for a run without any.
        """
        limits.whole("most_rows", most_rows, 0, _MOST_ROWS)
        results = self._endpoints.results(id)
        if results is None:
            return None
        answers = results["answers"]
        shown = [answer for answer in answers if answer["score"] < 1] if wrong_only else answers
        return {**results, "rows": len(answers), "answers": shown[:most_rows]}

    def export(self, id: str) -> dict[str, Any]:
        """The zip of a run's prompt, a PEFT adapter: its name, its size, and the address to download it from."""
        return self._download(self._endpoints.export(id))

    def exported(self, id: str, format: str) -> dict[str, Any]:
        """The same for what begin_export made, once export_state says that it is done."""
        return self._download(self._endpoints.exported(id, format))

    def _download(self, file: str) -> dict[str, Any]:
        path, request, settings = Path(file), LocalContext.request.get(None), self._studio.settings
        asked_at = str(request.base_url).rstrip("/") if isinstance(request, Request) else settings.address
        # Behind a proxy the request does not tell how the agent itself reaches the studio.
        address = settings.address if settings.allowed_hosts else asked_at
        return {"name": path.name, "bytes": path.stat().st_size, "address": f"{address}/gradio_api/file={quote(file)}"}


_READING = frozenset(
    {
        "datasets",
        "backbones",
        "run",
        "runs",
        "quote",
        "results",
        "compare",
        "ways",
        "export_state",
        "export",
        "exported",
    }
)
"""Tools that change nothing."""


class AgentServer:
    """ASGI app that answers agents. Each request stands by itself: nothing is kept between two."""

    def __init__(self, studio: Studio) -> None:
        """studio: as the pages have it, of whoever asks."""
        self._tools = AgentTools(studio).all()
        server: Server[Any, Any] = Server("LAMP Studio", instructions=_ABOUT)
        server.list_tools()(self._list)  # type: ignore[no-untyped-call]
        server.call_tool()(self._call)
        self._server, self._sessions = server, StreamableHTTPSessionManager(server, stateless=True)
        logging.getLogger("mcp").setLevel(logging.ERROR)  # it names each request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await self._sessions.handle_request(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """What a server runs in that this app is a part of."""
        async with self._sessions.run():
            yield

    async def _list(self) -> list[Tool]:
        return [_described(name, function) for name, function in self._tools.items()]

    async def _call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        function = self._tools.get(name)
        if function is None:
            return _said(f"There is no tool {name[:100]!r}.", is_error=True)
        # Where the pages' studio looks for who asks.
        token = LocalContext.request.set(self._server.request_context.request)
        try:
            result = await asyncio.to_thread(guarded_endpoint(function), **arguments)
        except gr.Error as error:
            return _said(str(error.message), is_error=True)
        finally:
            LocalContext.request.reset(token)
        return _said(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))


def _described(name: str, function: Callable[..., Any]) -> Tool:
    hints = ToolAnnotations(readOnlyHint=name in _READING, destructiveHint=name == "delete", openWorldHint=False)
    schema = {**Described.from_function(function, name).parameters, "additionalProperties": False}
    return Tool(name=name, description=inspect.getdoc(function), inputSchema=schema, annotations=hints)


def _said(text: str, *, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], isError=is_error)
