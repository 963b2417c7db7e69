"""Prompts on the Hub are imported by their id and revision; whatever cannot be is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign_prompts import adapter, changed, exported, tokens
from tests.hub.conftest import ADA, Run, contents
from tests.hub.server import Hub
from tests.hub.test_publish import PUBLISH

IMPORT = """
import os
from app.settings import Settings
from app.studio import Studio
from app.studio_parts.imports import PromptSource
from lamp.errors import LampError
from lamp.export.imported import ImportDetails
from storage.database import open_database
from storage.errors import StorageError
settings = Settings.from_environment({"STUDIO_HOME": "home"})
settings.home.mkdir(exist_ok=True)
studio = Studio(settings, open_database(settings.database_url))
id, revision, token, given = arguments
said = []
try:
    source = PromptSource(id=id, revision=revision, token=token)
    run = studio.import_prompt(source, ImportDetails(**given), on_progress=said.append)
    job = studio.job(run)
    folder = settings.home / "artifacts" / f"{run}.1"
    answer({"job": [job.name, job.kind, job.backbone, job.dataset_name], "origin": job.config["made_from"]["prompt"],
            "files": sorted(path.name for path in folder.iterdir()), "said": said,
            "labels": studio.prompt_kind(run).labels})
except (LampError, StorageError) as error:
    chain, link = "", error
    while link is not None:
        chain, link = chain + repr(link), link.__cause__ or link.__context__
    answer({"error": str(error), "chain": chain, "jobs": len(studio.jobs())})
"""


@pytest.fixture(autouse=True)
def backbone(hub: Hub, tiny_llama: Path) -> None:
    hub.add("acme/tiny", contents(tiny_llama))


def test_a_prompt_of_this_studio_is_imported_from_the_hub_at_its_commit(hub: Hub, run: Run) -> None:
    repository = hub.add("ada/films", {**exported("acme/tiny"), "evil.py": b"1/0", "model.bin": b"\x80"})
    commit = repository.commits[-1].oid
    repository.commit("worse", {"recipe.json": b"{}"})
    done = run(IMPORT, "https://huggingface.co/ada/films/tree/main", commit, "", {}).result
    assert done["job"] == ["films", "imported", "acme/tiny", "acme/films"]
    assert done["origin"] == {"id": "ada/films", "revision": commit, "recipe": True, "factors": True}
    assert done["files"] == sorted(exported(""))
    assert any("Fetching adapter_model.safetensors" in line for line in done["said"])
    fetched = {request.path.rpartition("/")[2] for request in hub.requests if "/resolve/" in request.path}
    assert not {"evil.py", "model.bin"} & fetched


def test_any_prompt_tuning_adapter_is_imported_with_what_is_said_of_it(hub: Hub, run: Run) -> None:
    hub.add("someone/prompt", adapter("/home/someone/llama"))
    given = {"backbone": "acme/tiny", "template": "{review}", "labels": ["no", "yes"]}
    done = run(IMPORT, "someone/prompt", "main", "", given).result
    assert done["job"] == ["prompt", "imported", "acme/tiny", ""] and done["labels"] == ["no", "yes"]
    assert done["origin"]["recipe"] is False and done["origin"]["factors"] is False


def test_a_private_prompt_is_read_with_a_token_that_is_kept_nowhere(hub: Hub, run: Run, tmp_path: Path) -> None:
    hub.add("ada/secret", exported("acme/tiny"), private=True)
    refused = run(IMPORT, "ada/secret", "main", "", {}).result
    assert "no prompt 'ada/secret'" in refused["error"] and refused["jobs"] == 0
    done = run(IMPORT, "ada/secret", "main", ADA.token, {}, HF_DEBUG="1")
    assert done.result["job"][1] == "imported"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert ADA.token not in done.output and ADA.token.encode() not in written
    assert all("authorization" not in request.headers for request in hub.requests if "/storage/" in request.path)


@pytest.mark.parametrize(
    ("id", "revision", "token", "words"),
    [
        ("ada/nothing", "main", "", "The Hub has no prompt 'ada/nothing'"),
        ("ada/nothing", "main", ADA.token, "no prompt 'ada/nothing' that this token may read"),
        ("ada/films", "v9", "", "has no revision 'v9'"),
        ("ada/films", "main", "hf_two words", "That is not a Hub token"),
        ("ada/films", "main", "hf_nobodys", "does not let this token read"),
        ("ada/pickle", "main", "", "stored as a pickle file"),
        ("ada/no-adapter", "main", "", "holds no adapter_config.json"),
        ("ada/huge", "main", "", "has 201 MB, far more than a soft prompt"),
        ("ada/lora", "main", "", "of the kind 'LORA'"),
        ("ada/wide", "main", "", "16 numbers wide"),
        ("ada/elsewhere", "main", "", "The Hub has no backbone 'acme/gone'"),
        ("ada films", "main", "", "is no Hub id"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence_and_nothing_is_kept(
    hub: Hub, run: Run, id: str, revision: str, token: str, words: str
) -> None:
    files = adapter("acme/tiny")
    hub.add("ada/films", files)
    hub.add("ada/pickle", {"adapter_config.json": files["adapter_config.json"], "adapter_model.bin": b"\x80\x04."})
    hub.add("ada/no-adapter", {"README.md": b""})
    if id == "ada/huge":
        hub.add("ada/huge", {**files, "adapter_model.safetensors": bytes(201_000_000)})
    hub.add("ada/lora", changed(files, "adapter_config.json", peft_type="LORA"))
    hub.add("ada/wide", adapter("acme/tiny", tokens(width=16)))
    hub.add("ada/elsewhere", adapter("acme/gone"))
    refused = run(IMPORT, id, revision, token, {}).result
    assert words in refused["error"] and refused["jobs"] == 0
    assert "\n" not in refused["error"] and (not token or token not in refused["chain"])


def test_a_hub_that_is_down_is_one_sentence(hub: Hub, run: Run) -> None:
    hub.stop()
    assert "could not be reached" in run(IMPORT, "ada/films", "main", "", {}).result["error"]


def test_what_is_published_is_imported_as_it_was(hub: Hub, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "prompt"
    folder.mkdir()
    for name, content in exported("acme/tiny").items():
        (folder / name).write_bytes(content)
    assert "url" in run(PUBLISH, str(folder), "ada/mine", ADA.token, False).result
    done = run(IMPORT, "ada/mine", "main", "", {}).result
    assert done["origin"]["factors"] is True and done["files"] == sorted(exported(""))


FORM = """
from app.settings import Settings
from app.studio import Studio
from app.ui.tune.prefill import prefill
from storage.database import open_database
settings = Settings.from_environment({"STUDIO_HOME": "home"})
settings.home.mkdir(exist_ok=True)
studio = Studio(settings, open_database(settings.database_url))
forms = [prefill(studio, None, query) for query in arguments]
answer([
    [form.content.config.backbone, form.content.config.lamp.rank, form.content.dataset, form.parent, form.note]
    for form in forms
])
"""


def test_a_badge_opens_the_form_with_the_recipe_of_a_published_prompt(hub: Hub, run: Run) -> None:
    hub.add("ada/films", exported("acme/tiny", test_data="upload:elsewhere"))
    [(backbone, rank, dataset, parent, note)] = run(FORM, {"recipe": "ada/films"}).result
    assert (backbone, rank, dataset, parent) == ("acme/tiny", 4, "", "")
    assert "recipe of <strong>ada/films</strong> on the Hub" in note and "Its data set is not here" in note


NOWHERE: list[tuple[dict[str, str], str]] = [
    ({"recipe": "ada/nothing"}, "The Hub has no prompt"),
    ({"recipe": "ada/secret"}, "The Hub has no prompt"),
    ({"recipe": "../../etc/passwd"}, "is no Hub id"),
    ({"recipe": "ada/films", "revision": "v9"}, "has no revision"),
    ({"recipe": "ada/bare"}, "has no recipe.json"),
    ({"recipe": "ada/broken"}, "is not valid JSON"),
    ({"recipe": "ada/wrong"}, "recipe.backbone"),
    ({"recipe": "ada/large"}, "too large"),
]


def test_a_badge_that_leads_nowhere_is_one_sentence_and_the_form_is_a_newcomers(hub: Hub, run: Run) -> None:
    hub.add("ada/films", exported("acme/tiny"))
    hub.add("ada/secret", exported("acme/tiny"), private=True)
    hub.add("ada/bare", adapter("acme/tiny"))
    hub.add("ada/broken", {"recipe.json": b"["})
    hub.add("ada/wrong", {"recipe.json": b'{"backbone": 3}'})
    hub.add("ada/large", {"recipe.json": b" " * 200_001})
    forms = run(FORM, *(query for query, _ in NOWHERE), HF_TOKEN=ADA.token).result
    for (query, words), (*_, dataset, parent, note) in zip(NOWHERE, forms, strict=True):
        assert words in note and parent == "" and dataset.startswith("sample:"), query
    assert not any("authorization" in request.headers for request in hub.requests), (
        "whoever wrote the link chose the id"
    )
