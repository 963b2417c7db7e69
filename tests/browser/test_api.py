"""The same way from a script, and how the server starts."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.browser.studio import ROOT, RunningStudio, environment
from tests.hub.server import Hub


@pytest.fixture(scope="module")
def call(studio: RunningStudio) -> Callable[..., Any]:
    return Client(studio.url, verbose=False).predict


def test_a_script_goes_the_whole_way(call: Callable[..., Any], tiny_llama: Path, films: Path) -> None:
    dataset = call(handle_file(str(films)), api_name="/upload_dataset")
    recipe = {
        "backbone": str(tiny_llama),
        "lamp": {"prompt_length": 20, "rank": 4},
        "train": {"steps": 6, "batch_size": 2, "precision": "fp32"},
    }
    run = call(recipe, dataset, "by a script", api_name="/submit")
    deadline = time.monotonic() + 120
    while (found := call(run, api_name="/run"))["state"] not in ("done", "failed") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert (found["state"], found["step"], found["steps"], found["error"]) == ("done", 6, 6, None)
    assert found["metrics"]["loss"] > 0 and 0 <= found["scores"]["accuracy"] <= 1
    answers = call(run, ["the film was good", {"text": "the film was bad"}], api_name="/try")
    assert len(answers) == 2
    for answer in answers:
        assert set(answer["tuned_probabilities"]) == {"positive", "negative"}
        assert sum(answer["tuned_probabilities"].values()) == pytest.approx(1)
        assert answer["tuned"] == max(answer["tuned_probabilities"], key=answer["tuned_probabilities"].get)
    with zipfile.ZipFile(call(run, api_name="/export")) as archive:
        assert "adapter_model.safetensors" in archive.namelist()
    assert run in [one["id"] for one in call(api_name="/runs")]


def test_an_agent_goes_the_whole_way_without_a_page(studio: RunningStudio, tiny_llama: Path, films: Path) -> None:
    async def agent() -> None:
        async with (
            streamable_http_client(f"{studio.url}/mcp") as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()

            async def call(tool: str, /, **arguments: Any) -> Any:
                answer = await session.call_tool(tool, arguments)
                said = answer.content[0].text
                assert not answer.isError, said
                return json.loads(said) if said[:1] in "[{" else said

            dataset = await call("add_table", name="films of an agent.csv", content=films.read_text())
            assert dataset in [one["reference"] for one in await call("datasets")]
            small = {"prompt_length": 20, "rank": 4}
            recipe = {"backbone": str(tiny_llama), "lamp": small, "train": {"steps": 2, "batch_size": 2}}
            quote = await call("quote", recipe=recipe, dataset=dataset)
            assert quote["problems"] == [] and quote["data"]["rows"] == 60
            run = await call("submit", recipe=recipe, dataset=dataset, name="by an agent")
            deadline = time.monotonic() + 120
            while (found := await call("run", id=run))["state"] not in ("done", "failed"):
                assert time.monotonic() < deadline, found
                await asyncio.sleep(0.5)
            assert (found["state"], found["error"]) == ("done", None)
            results = await call("results", id=run, most_rows=1)
            assert 0 <= results["score"] <= 1 and results["rows"] > len(results["answers"]) == 1
            (answer,) = await call("try", id=run, texts=["the film was good"])
            assert answer["tuned"] in ("positive", "negative")
            taken = await call("export", id=run)
            async with httpx.AsyncClient() as client:
                downloaded = (await client.get(taken["address"])).content
            assert len(downloaded) == taken["bytes"]
            assert "adapter_model.safetensors" in zipfile.ZipFile(io.BytesIO(downloaded)).namelist()

            refused = await session.call_tool("run", {"id": "nothing"})
            assert refused.isError and refused.content[0].text == "There is no run 'nothing'."

    with ThreadPoolExecutor() as apart:  # the browser's own event loop runs in this thread
        apart.submit(asyncio.run, agent()).result()


def test_a_script_stops_a_run(call: Callable[..., Any], tiny_llama: Path) -> None:
    recipe = {"backbone": str(tiny_llama), "train": {"steps": 1_000_000}}
    run = call(recipe, "sample:support-tickets.csv", "", api_name="/submit")
    assert call(run, api_name="/stop")["state"] in ("stopping", "stopped")
    deadline = time.monotonic() + 90
    while (state := call(run, api_name="/run")["state"]) != "stopped" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state == "stopped"


def test_a_script_fetches_a_data_set_of_the_hub(call: Callable[..., Any], small_hub: Hub) -> None:
    small_hub.add("acme/few", {"train.csv": b"text,label\n" + b"a,b\n" * 12}, "datasets")
    dataset = call("acme/few", api_name="/fetch_dataset")
    with pytest.raises(AppError, match="Every row has the same target, 'b'"):
        call({}, dataset, api_name="/submit")
    with pytest.raises(AppError, match="The Hub has no data set 'acme/none'"):
        call("acme/none", api_name="/fetch_dataset")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ({"lamp": {"rank": 200}}, "sample:support-tickets.csv", ""),
            "The rank (200) is larger than the prompt length",
        ),
        (({"rank": 8}, "sample:support-tickets.csv", ""), "no field 'rank'"),
        (({}, "upload:nothing", ""), "upload:nothing"),
        (({}, "", ""), "Choose a data set"),
        (({}, None, ""), "Choose a data set"),
    ],
    ids=["a rank too large", "an unknown field", "an unknown data set", "no data set", "null for a data set"],
)
def test_a_script_is_told_in_a_sentence(given: tuple[object, ...], said: str, call: Callable[..., Any]) -> None:
    with pytest.raises(AppError, match=said.replace("(", r"\(").replace(")", r"\)")) as told:
        call(*given, api_name="/submit")
    assert "Traceback" not in str(told.value)


def test_a_script_cannot_have_the_server_read_its_own_files(call: Callable[..., Any]) -> None:
    stolen = {"path": "/etc/passwd", "orig_name": "passwd.csv", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match=r"passwd|allowed|upload"):
        call(stolen, api_name="/upload_dataset")


def test_a_taken_port_is_one_sentence(studio: RunningStudio, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env=environment(tmp_path / "home", studio.port),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().count("\n") == 0
    assert f"127.0.0.1:{studio.port}" in ended.stderr and "STUDIO_PORT" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_the_server_starts_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.settings import Settings; from app.studio import Studio\n"
        "from app.ui import build_ui, web_app; from app.jobs.local import local_runner\n"
        "from storage.database import open_database\n"
        "settings = Settings.from_environment(); settings.home.mkdir()\n"
        "database = open_database(settings.database_url)\n"
        "studio = Studio(settings, database)\n"
        "local_runner(settings, database); web_app(build_ui(studio), studio)\n"
        "print([name for name in ('torch', 'transformers', 'accelerate', 'peft') if name in sys.modules])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path / "home", 1),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.stdout.strip() == "[]", ended.stderr
