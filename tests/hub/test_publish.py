"""Publishing, by the real client over real connections, to the small Hub."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.foreign_prompts import exported, zipped
from tests.hub.conftest import ADA, READER, Run, contents
from tests.hub.server import Hub

PUBLISH = """
from pathlib import Path
from app.hub.publishing import HubError, publish
folder, repository, token, private, *how = arguments
steps = []
how = dict(zip(("existing", "kind"), how))
try:
    published = publish(Path(folder), repository, token, private, steps.append, **how)
    answer({"url": published.url, "revision": published.revision, "steps": steps})
except HubError as error:
    chain, link = [], error
    while link is not None:
        chain.append(repr(link) + str(link))
        link = link.__cause__ or link.__context__
    answer({"error": str(error), "chain": chain})
"""


def test_every_byte_arrives_in_one_commit_of_a_new_private_repository(hub: Hub, run: Run, prompt: Path) -> None:
    done = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True)
    assert done.result["url"] == f"{hub.url}/ada/my-prompt"
    repository = hub.repository("ada/my-prompt")
    assert repository.private
    assert {**repository.files, ".gitattributes": b""} == {**contents(prompt), ".gitattributes": b""}
    assert len(repository.commits) == 2  # the Hub's own first one, and ours
    assert done.result["steps"][0] == "Checking the token" and done.result["url"] in done.result["steps"][-1]


def test_a_space_is_made_beside_the_prompt_of_its_name_and_asked_of_when_it_is_there(
    hub: Hub, run: Run, prompt: Path
) -> None:
    run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True)
    done = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, "refuse", "space")
    assert done.result["url"] == f"{hub.url}/spaces/ada/my-prompt"
    files = hub.repository("ada/my-prompt", "spaces").files
    assert {**files, ".gitattributes": b""} == {**contents(prompt), ".gitattributes": b""}
    again = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, "refuse", "space")
    assert "is there already and holds files" in again.result["error"]
    updated = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, "update", "space")
    assert updated.result["url"] == done.result["url"]


def test_a_name_without_an_owner_goes_to_the_tokens_account(hub: Hub, run: Run, prompt: Path) -> None:
    assert run(PUBLISH, str(prompt), "my-prompt", ADA.token, False).result["url"].endswith("/ada/my-prompt")
    assert not hub.repository("ada/my-prompt").private


def test_an_organisation_of_the_account_can_be_the_owner(hub: Hub, run: Run, prompt: Path) -> None:
    assert run(PUBLISH, str(prompt), "engines/my-prompt", ADA.token, True).result["url"].endswith("/engines/my-prompt")


def test_publishing_again_updates_the_repository_and_sends_only_what_changed(hub: Hub, run: Run, prompt: Path) -> None:
    first = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True).result
    (prompt / "adapter_model.safetensors").write_bytes(b"better" * 1000)
    hub.requests.clear()
    second = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, "update").result
    assert first["url"] == second["url"]
    repository = hub.repository("ada/my-prompt")
    assert len(repository.commits) == 3
    assert repository.files["adapter_model.safetensors"] == b"better" * 1000
    assert repository.files["lamp.safetensors"] == (prompt / "lamp.safetensors").read_bytes()
    assert [request.body for request in hub.requests if request.method == "PUT"] == [b"better" * 1000]


def test_publishing_the_same_twice_makes_no_empty_commit(hub: Hub, run: Run, prompt: Path) -> None:
    for _ in range(2):
        assert "url" in run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, "update").result
    assert len(hub.repository("ada/my-prompt").commits) == 2


def test_the_token_is_kept_nowhere_and_shown_nowhere(hub: Hub, run: Run, prompt: Path, tmp_path: Path) -> None:
    done = run(PUBLISH, str(prompt), "ada/my-prompt", ADA.token, True, HF_DEBUG="1")
    wrong = run(PUBLISH, str(prompt), "ada/my-prompt", "hf_wrongSecret", True, HF_DEBUG="1")
    other = run(PUBLISH, str(prompt), "someone/else", ADA.token, True)
    secrets = (ADA.token, "hf_wrongSecret")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in secrets:
        for text in (done.output, wrong.output, other.output):
            assert secret not in text
            assert base64.b64encode(secret.encode()).decode() not in text
        assert secret.encode() not in written
    assert not (tmp_path / "home" / "huggingface" / "token").exists()
    to_storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert to_storage and all("authorization" not in request.headers for request in to_storage)


@pytest.mark.parametrize(
    ("repository", "token", "words"),
    [
        ("ada/p", "", "Give a Hub token that may write"),
        ("ada/p", "  ", "Give a Hub token that may write"),
        ("ada/p", "hf_two words", "not a Hub token"),
        ("ada/p", "hf_line\nbreak", "not a Hub token"),
        ("ada/p", "hf_nobodys", "does not know this token"),
        ("rita/p", READER.token, "may only read"),
        ("", ADA.token, "'' is not valid"),
        ("ada/my prompt", ADA.token, "'ada/my prompt' is not valid"),
        ("a/b/c", ADA.token, "'a/b/c' is not valid"),
        ("ada/../../etc", ADA.token, "is not valid"),
        ("someone/new", ADA.token, "may not write to 'someone/new'"),
        ("someone/public", ADA.token, "belongs to someone else"),
        ("someone/secret", ADA.token, "may not write to 'someone/secret'"),
        ("ada/public", ADA.token, "is there already and is public"),
    ],
)
def test_a_refusal_is_one_sentence_and_nothing_is_published(
    hub: Hub, run: Run, prompt: Path, repository: str, token: str, words: str
) -> None:
    hub.add("someone/public", {"theirs.txt": b"1"})
    hub.add("someone/secret", {"theirs.txt": b"1"}, private=True)
    hub.add("ada/public", {"mine.txt": b"1"})
    refused = run(PUBLISH, str(prompt), repository, token, True).result
    assert words in refused["error"]
    assert "\n" not in refused["error"] and len(refused["error"]) < 300
    assert len(refused["chain"]) == 1 or "HFValidationError" in refused["chain"][1]  # which has seen the name alone
    assert not token.strip() or token not in "".join(refused["chain"])
    assert all(len(repository.commits) == 1 for repository in hub.repositories)


def test_someone_elses_public_repository_is_left_alone_by_a_public_publish(hub: Hub, run: Run, prompt: Path) -> None:
    hub.add("someone/public", {"theirs.txt": b"1"})
    done = run(PUBLISH, str(prompt), "someone/public", ADA.token, False, "update").result
    assert "may not write" in done["error"]
    assert len(hub.repository("someone/public").commits) == 1


def test_a_repository_that_holds_files_is_left_alone_until_it_is_said_what_to_do(
    hub: Hub, run: Run, prompt: Path
) -> None:
    hub.add("ada/mine", {"notes.txt": b"1"}, private=True)
    refused = run(PUBLISH, str(prompt), "ada/mine", ADA.token, True).result["error"]
    assert "is there already and holds files (1)" in refused and len(hub.repository("ada/mine").commits) == 1
    done = run(PUBLISH, str(prompt), "ada/mine", ADA.token, True, "update").result
    assert done["url"].endswith("/ada/mine")
    assert {"notes.txt": b"1", **contents(prompt)}.items() <= hub.repository("ada/mine").files.items()


def test_files_can_be_proposed_as_a_pull_request_also_to_someone_else(hub: Hub, run: Run, prompt: Path) -> None:
    repository = hub.add("someone/public", {"theirs.txt": b"1"})
    done = run(PUBLISH, str(prompt), "someone/public", ADA.token, False, "pull request").result
    assert done["url"].endswith("/someone/public/discussions/1")
    assert len(repository.commits) == 1
    (proposed,) = repository.proposals
    assert contents(prompt).items() <= proposed.files.items() and done["revision"] == proposed.oid


def test_what_was_published_is_read_back_and_another_byte_is_noticed(hub: Hub, run: Run, prompt: Path) -> None:
    done = run(PUBLISH, str(prompt), "ada/mine", ADA.token, True).result
    assert done["steps"][-2] == "Reading it back" and done["revision"] == hub.repository("ada/mine").commits[-1].oid
    read = {request.path.rpartition("/")[2] for request in hub.requests if "/resolve/" in request.path}
    assert read == set(contents(prompt))
    hub.garble = "adapter_config.json"
    wrong = run(PUBLISH, str(prompt), "ada/other", ADA.token, True).result["error"]
    assert "'adapter_config.json' has other bytes there than here" in wrong


def test_an_empty_folder_is_not_published(hub: Hub, run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (
        "'empty' is not a folder with files"
        in run(PUBLISH, str(tmp_path / "empty"), "ada/p", ADA.token, True).result["error"]
    )
    assert not hub.requests


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("license:\tapache-2.0", "YAML cannot be parsed"),
        ('base_model: "/home/ada/models/tiny"', '"base_model" with value "/home/ada/models/tiny" is not valid'),
    ],
)
def test_a_model_card_that_the_hub_does_not_accept_is_named(
    hub: Hub, run: Run, prompt: Path, front: str, words: str
) -> None:
    (prompt / "README.md").write_text(f"---\n{front}\n---\n# A prompt\n")
    error = run(PUBLISH, str(prompt), "ada/p", ADA.token, True).result["error"]
    assert "model card" in error and words in error
    assert len(hub.repository("ada/p").commits) == 1


def test_a_hub_that_is_down_is_one_sentence(hub: Hub, run: Run, prompt: Path) -> None:
    hub.stop()
    assert "could not be reached" in run(PUBLISH, str(prompt), "ada/p", ADA.token, True).result["error"]


def test_a_silent_hub_is_given_up(hub: Hub, run: Run, prompt: Path) -> None:
    hub.delay = 5
    impatient = "import app.hub.client; app.hub.client.ANSWER_SECONDS = 0.5\n"
    assert "could not be reached" in run(impatient + PUBLISH, str(prompt), "ada/p", ADA.token, True).result["error"]


def test_a_hub_in_trouble_is_one_sentence(hub: Hub, run: Run, prompt: Path) -> None:
    hub.busy = True
    assert "answered 503" in run(PUBLISH, str(prompt), "ada/p", ADA.token, True).result["error"]


# Between its retries the client waits 23 seconds in all; the tests only cut those waits short.
HASTE = "import time; wait = time.sleep; time.sleep = lambda seconds: wait(min(seconds, 0.05))\n"


def test_a_connection_lost_half_way_publishes_nothing_and_the_next_try_all(hub: Hub, run: Run, prompt: Path) -> None:
    hub.break_upload_after = 20_000
    lost = run(HASTE + PUBLISH, str(prompt), "ada/p", ADA.token, True)
    assert "connection to the Hub was lost" in lost.result["error"] and ADA.token not in lost.output
    assert len(hub.repository("ada/p").commits) == 1
    hub.break_upload_after = None
    arrived = {oid for oid in hub.storage}
    hub.requests.clear()
    hub.start()
    assert "url" in run(PUBLISH, str(prompt), "ada/p", ADA.token, True).result, "an empty repository is not asked about"
    assert contents(prompt).items() <= hub.repository("ada/p").files.items()
    sent = {request.path.rpartition("/")[2] for request in hub.requests if request.method == "PUT"}
    assert sent and not sent & arrived, "what had arrived is not sent again"


def test_a_connection_lost_at_the_commit_publishes_nothing(hub: Hub, run: Run, prompt: Path) -> None:
    hub.break_at_commit = True
    lost = run(HASTE + PUBLISH, str(prompt), "ada/p", ADA.token, True).result["error"]
    assert "connection to the Hub was lost" in lost
    assert len(hub.repository("ada/p").commits) == 1


WHOLE = """
from app.settings import Settings
from app.studio import Studio
from app.studio_parts.imports import PromptSource
from lamp.errors import LampError
from pathlib import Path
from storage.database import open_database
settings = Settings.from_environment({"STUDIO_HOME": "home"})
settings.home.mkdir(exist_ok=True)
studio = Studio(settings, open_database(settings.database_url))
"""


def test_a_studio_publishes_the_edited_card_and_names_the_accounts_of_a_token(
    hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.add("acme/tiny", {**contents(tiny_llama), "README.md": b"---\nlicense: apache-2.0\n---\n# Tiny\n"})
    zipped(tmp_path / "films.zip", exported("acme/tiny"))
    code = """
id = studio.import_prompt(PromptSource(Path("films.zip"), "films.zip"))
card = studio.card(id)
try:
    studio.hub_accounts("hf_nobodys")
except LampError as error:
    wrong = str(error)
done = studio.publish(id, "engines/films", arguments[0], card=card + "\\nMy own words.\\n")
answer({"accounts": studio.hub_accounts(arguments[0]), "wrong": wrong, "card": card, "url": done.url})
"""
    done = run(WHOLE + code, ADA.token)
    assert done.result["accounts"] == ["ada", "engines"] and "does not know this token" in done.result["wrong"]
    assert "license: apache-2.0" in done.result["card"]
    published = hub.repository("engines/films").files
    card = done.result["card"].replace("?recipe=OWNER/NAME", "?recipe=engines/films")
    assert published["README.md"].decode() == card + "\nMy own words.\n"
    assert published["tune-again.png"].startswith(b"\x89PNG")
    assert published["adapter_model.safetensors"] == exported("acme/tiny")["adapter_model.safetensors"]
    assert ADA.token not in done.output
