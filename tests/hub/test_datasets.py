"""Data sets of the Hub by their id: their parts are named, one is fetched as a table, and nothing of them is run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lamp.data.conversation import to_cell
from tests.hub.conftest import ADA, Run
from tests.hub.repositories import Account
from tests.hub.server import Hub

OUTCOME = """
from dataclasses import asdict
from pathlib import Path
from lamp.errors import DataError
from lamp.data.tables import read_table
from app.hub import fetching
def outcome(work):
    try:
        return work()
    except DataError as error:
        return str(error)
def fetched(id, subset="default", split="train"):
    file, progress = Path("fetched.parquet"), []
    part = fetching.fetch(id, subset, split, file, lambda rows, total: progress.append([rows, total]))
    return {**asdict(part), "table": list(read_table(file, part.name).rows), "progress": progress}
"""
FETCH = OUTCOME + "answer([outcome(lambda: fetched(*part)) for part in arguments])"
"""Every argument is a part: [id, subset, split], the latter two as they are by themselves when left out."""

CARD = b"""---
dataset_info:
  config_name: default
  features:
  - name: sentence
    dtype: string
  - name: label
    dtype:
      class_label:
        names: {'0': negative, '1': positive}
  splits:
  - {name: train, num_bytes: 1000, num_examples: 5}
  - {name: test, num_bytes: 1000, num_examples: 2}
configs:
- config_name: default
  data_files:
  - {split: test, path: test.parquet}
  - {split: train, path: 'train-*'}
---
"""


def packed(**columns: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, row_group_size=2)
    return file.getvalue()


@pytest.fixture
def films(hub: Hub) -> str:
    return hub.add(
        "acme/films",
        {
            "README.md": CARD,
            "test.parquet": packed(sentence=["dull", "bright"], label=[0, -1]),
            "train-0.parquet": packed(sentence=["good", "bad", "fine"], label=[1, 0, 1]),
            "train-1.parquet": packed(sentence=["poor", None], label=[0, None]),
        },
        "datasets",
    ).id


def test_the_studio_fetches_without_loading_torch(hub: Hub, run: Run, films: str) -> None:
    code = OUTCOME + "import sys\nanswer([fetched(arguments[0])['rows'], 'torch' in sys.modules])"
    assert run(code, films).result == [5, False]


def test_a_part_is_fetched_with_the_names_of_its_labels(hub: Hub, run: Run, films: str) -> None:
    parts = run(OUTCOME + "answer(asdict(fetching.look_up(arguments[0])))", films).result
    assert parts == {
        "id": films,
        "revision": hub.repository(films, "datasets").commits[-1].oid,
        "subsets": ["default"],
        "subset": "default",
        "splits": [{"name": "train", "rows": 5, "bytes": 1000}, {"name": "test", "rows": 2, "bytes": 1000}],
    }
    part, test = run(FETCH, [films], [films, "default", "test"]).result
    assert (part["name"], part["rows"], part["whole"], part["left_out"]) == ("films train.parquet", 5, True, [])
    assert [(row["sentence"], row["label"]) for row in part["table"]] == [
        ("good", "positive"),
        ("bad", "negative"),
        ("fine", "positive"),
        ("poor", "negative"),
        ("", ""),
    ]
    assert part["progress"][-1] == [5, 5]
    assert test["table"][1] == {"sentence": "bright", "label": ""}


def test_of_a_large_part_the_first_rows_are_fetched(hub: Hub, run: Run, films: str) -> None:
    parts = run(
        OUTCOME
        + """
from app.hub import text_columns
text_columns._BATCH = 2
def limited(name, limit):
    usual, _ = getattr(fetching, name), setattr(fetching, name, limit)
    try:
        return fetched(*arguments)
    finally:
        setattr(fetching, name, usual)
answer([limited("MOST_ROWS", 3), limited("MOST_BYTES", 1), limited("MOST_BYTES", 100)])
""",
        films,
    ).result
    assert [(part["rows"], part["whole"], len(part["table"])) for part in parts] == [
        (3, False, 3),
        (2, False, 2),
        (2, False, 2),
    ]


def test_subsets_are_named_and_csv_and_json_are_read(hub: Hub, run: Run) -> None:
    card = b"---\nconfigs:\n- {config_name: de, data_files: de.csv}\n- {config_name: en, data_files: en.csv}\n---\n"
    hub.add(
        "acme/tongues",
        {"README.md": card, "de.csv": b"text,label\ngut,1\n", "en.csv": b"text,label\ngood,2\n"},
        "datasets",
    )
    hub.add("acme/lines", {"train.jsonl": b'{"text": "good", "label": true}\n'}, "datasets")
    looked = run(OUTCOME + "answer(asdict(fetching.look_up('acme/tongues', 'en')))").result
    assert (looked["subsets"], looked["subset"]) == (["de", "en"], "en")
    assert looked["splits"] == [{"name": "train", "rows": None, "bytes": None}]
    english, lines = run(FETCH, ["acme/tongues", "en"], ["acme/lines"]).result
    assert english["name"] == "tongues en train.parquet" and english["table"] == [{"text": "good", "label": "2"}]
    assert lines["table"] == [{"text": "good", "label": "true"}]


def test_objects_become_columns_and_what_is_no_text_is_left_out_and_named(hub: Hub, run: Run) -> None:
    hub.add(
        "acme/mixed",
        {
            "data.parquet": packed(
                translation=[{"de": "gut", "en": "good"}],
                score=[0.5],
                picture=[b"\x89PNG"],
                words=[["a", "b"]],
                __index_level_0__=[7],
            )
        },
        "datasets",
    )
    part = run(FETCH, ["acme/mixed"]).result[0]
    assert part["table"] == [{"translation.de": "gut", "translation.en": "good", "score": "0.5", "words": "a\nb"}]
    assert part["left_out"] == ["picture"]


def test_what_cannot_be_fetched_is_one_sentence_and_is_not_run(hub: Hub, run: Run, films: str, tmp_path: Path) -> None:
    hub.add("acme/empty", {}, "datasets")
    hub.add("acme/pickled", {"train.pkl": b"cos\nsystem\n(S'touch run'\ntR."}, "datasets")
    hub.add("acme/script", {"script.py": b"open('run', 'w')\n"}, "datasets")
    hub.add("acme/archive", {"train.tar": bytes(10240)}, "datasets")
    hub.add("acme/broken", {"train.parquet": b"PAR1 and no more"}, "datasets")
    expected = {
        "nothing": "The Hub has no data set 'acme/nothing': check the spelling",
        "empty": "'acme/empty' holds no table that can be read",
        "pickled": "holds no table that can be read",
        "script": "'acme/script' cannot be read (Dataset scripts are no longer supported",
        "archive": "'acme/archive' is no table of text but webdataset",
        "broken": "'acme/broken' cannot be read (",
    }
    done = run(FETCH, *([f"acme/{name}"] for name in expected), [films, "default", "nosuch"], [films, "nosuch"])
    for outcome, sentence in zip(
        done.result, [*expected.values(), *2 * ["'acme/films' cannot be read ("]], strict=True
    ):
        assert sentence in outcome and "\n" not in outcome
    assert "Traceback" not in done.output and not (tmp_path / "run").exists()


def test_private_and_gated_data_sets_want_a_token(hub: Hub, run: Run, films: str) -> None:
    files = {"train.csv": b"text,label\na,b\n"}
    hub.add("ada/secret", files, "datasets", private=True)
    hub.add("acme/gated", files, "datasets", gated=True)
    hub.accounts.append(Account("greta", "hf_greta", granted=("acme/gated",)))
    private, gated = run(FETCH, ["ada/secret"], ["acme/gated"]).result
    assert "if it is private, give a token" in private and "accept its terms" in gated
    assert run(FETCH, ["ada/secret"], HF_TOKEN=ADA.token).result[0]["rows"] == 1
    assert run(FETCH, ["acme/gated"], HF_TOKEN="hf_greta").result[0]["rows"] == 1


def test_a_hub_that_cannot_be_reached_is_one_sentence(hub: Hub, run: Run) -> None:
    hub.stop()
    assert "could not be reached" in run(FETCH, ["acme/films"]).result[0]


def test_a_silent_hub_and_one_in_trouble_and_an_old_token_are_told_apart(hub: Hub, run: Run, films: str) -> None:
    old = run(FETCH, [films], HF_TOKEN="hf_outdatedSecret")
    assert "set HF_TOKEN to a valid token" in old.result[0] and "hf_outdatedSecret" not in old.output
    hub.busy = True
    assert "it answered 503" in run(FETCH, [films]).result[0]
    hub.busy, hub.delay = False, 5
    assert (
        "could not be reached"
        in run("from app.hub import access; access.HUB_TIMEOUT = 0.3\n" + FETCH, [films]).result[0]
    )


def test_an_address_of_the_hub_is_taken_for_its_id_and_a_folder_never_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "acme" / "films").mkdir(parents=True)
    ids = [
        "https://huggingface.co/datasets/nyu-mll/glue/viewer/cola/train",
        " stanfordnlp/sst2 ",
        "datasets/imdb",
        "",
        "../secrets",
        "/etc",
        "acme/films",
        "no id at all",
    ]
    plain = OUTCOME + "answer([outcome(lambda: fetching.plain_id(text)) for text in arguments])"
    outcomes = run(plain, *ids).result
    assert outcomes[:3] == ["nyu-mll/glue", "stanfordnlp/sst2", "imdb"]
    assert all("such as stanfordnlp/sst2" in sentence for sentence in outcomes[3:])


def test_a_part_is_fetched_at_one_commit_which_is_told(hub: Hub, run: Run) -> None:
    repository = hub.add("acme/moving", {"train.csv": b"text,label\nold,a\n"}, "datasets")
    first = repository.commits[-1].oid
    repository.commit("more", {"train.csv": b"text,label\nnew,b\n"})
    moved, old, wrong = run(
        OUTCOME
        + """
def at(revision):
    file = Path("fetched.parquet")
    part = fetching.fetch("acme/moving", "default", "train", file, revision=revision)
    return [part.source.revision, read_table(file, part.name).rows[0]["text"]]
answer([outcome(lambda: at(revision)) for revision in arguments])
""",
        "main",
        first,
        "no-such-branch",
    ).result
    assert moved == [repository.commits[-1].oid, "new"] and old == [first, "old"]
    assert wrong == (
        "The data set 'acme/moving' has no revision 'no-such-branch': write a branch, a tag or the hash of a commit, "
        "such as main."
    )
    read = [request.path for request in hub.requests if "/resolve/" in request.path and "train.csv" in request.path]
    assert read and all(first in path or repository.commits[-1].oid in path for path in read)


def test_conversations_of_a_part_stay_input_and_target_beside_its_texts(hub: Hub, run: Run) -> None:
    def turns(*texts: str) -> list[dict[str, Any]]:
        return [{"from": ("human", "gpt")[index % 2], "value": text} for index, text in enumerate(texts)]

    chats = [turns("row 0", "bad"), turns("a", "b", "row 1", "good"), []]
    tags = [["x"], ["y", "why"], []]
    files = {"data.parquet": packed(conversations=chats, tags=tags, picture=[[1], [2], [3]])}
    id = hub.add("acme/chats", files, "datasets").id
    (result,) = run(FETCH, [id]).result
    assert result["table"] == [
        {"input": "row 0", "target": "bad", "tags": "x"},
        {
            "input": to_cell([("user", "a"), ("assistant", "b"), ("user", "row 1")]),
            "target": "good",
            "tags": "y\nwhy",
        },
        {"input": "", "target": "", "tags": ""},
    ]
    assert result["left_out"] == ["picture"] and result["rows"] == 3
