"""Gated and private data sets are read with a token that is given for one call, and is nowhere afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.conftest import ADA, Run
from tests.hub.repositories import Account
from tests.hub.server import Hub
from tests.hub.test_datasets import CARD, OUTCOME, packed

GRETA = Account("greta", "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", granted=("acme/gated", "acme/gated-with-card"))
READ = (
    OUTCOME
    + """
import gc, os, sys
from huggingface_hub import HfFileSystem
from app.hub.access import NeedsToken
def read(id, token):
    file = Path("fetched.parquet")
    try:
        parts = fetching.look_up(id, token=token)
        part = fetching.fetch(id, parts.subset, "train", file, revision=parts.revision, token=token)
        return part.rows
    except NeedsToken as error:
        return ["needs a token", str(error)]
    except DataError as error:
        return str(error)
results = [read(id, token) for id, token in arguments]
kept = [str(HfFileSystem._cache), str(dict(os.environ))]
answer([results, [any(token and token in text for _, token in arguments for text in kept)]])
"""
)


@pytest.fixture(autouse=True)
def closed(hub: Hub) -> None:
    files = {"train.csv": b"text,label\na,b\nc,d\n"}
    hub.accounts.append(GRETA)
    hub.add("ada/secret", files, "datasets", private=True)
    hub.add("acme/gated", files, "datasets", gated=True)
    tables = {
        "train-0.parquet": packed(sentence=["good"], label=[1]),
        "test.parquet": packed(sentence=["x"], label=[0]),
    }
    hub.add("acme/gated-with-card", {"README.md": CARD, **tables}, "datasets", gated=True)


def test_a_closed_data_set_asks_for_a_token_and_is_read_with_one(run: Run, tmp_path: Path) -> None:
    closed = ["ada/secret", "acme/gated", "acme/gated-with-card"]
    done = run(READ, *([id, ""] for id in closed), *([id, GRETA.token] for id in closed[1:]), [closed[0], ADA.token])
    results, kept = done.result
    assert [result[0] for result in results[:3]] == ["needs a token"] * 3
    assert "if it is private, give a token" in results[0][1]
    assert all("accept its terms on its page there, then give a token" in result[1] for result in results[1:3])
    assert results[3:] == [2, 1, 2] and kept == [False]
    for token in (GRETA.token, ADA.token):
        assert token not in done.output
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files and not any(token.encode() in path.read_bytes() for path in files)


def test_a_token_that_does_not_help_is_told_apart_and_never_repeated(hub: Hub, run: Run) -> None:
    wrong, other = "hf_nobodysTokenAtAll", Account("otto", "hf_ottosTokenWithoutAccess")
    hub.accounts.append(other)
    calls = [["acme/gated", wrong], ["acme/gated", other.token], ["ada/secret", other.token], ["ada/secret", "hf_ä b"]]
    done = run(READ, *calls)
    results, _ = done.result
    assert [result[0] for result in results] == ["needs a token"] * 4
    sentences = [result[1] for result in results]
    assert sentences[0] == "The Hub does not know this token: copy it again, or make a new one that may read."
    assert "has not been let in" in sentences[1] and "no data set 'ada/secret' that this token may read" in sentences[2]
    assert "it must be one word" in sentences[3]
    for secret in (wrong, other.token):
        assert secret not in " ".join(sentences)


def test_a_token_goes_to_the_hub_alone_and_to_no_host_that_it_leads_to(hub: Hub, run: Run) -> None:
    assert run(READ, ["acme/gated-with-card", GRETA.token]).result[0] == [1]
    elsewhere = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert elsewhere and not any("authorization" in request.headers for request in elsewhere)
