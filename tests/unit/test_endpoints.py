"""What scripts get from the endpoints, besides the way from a data set to a prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.studio import Studio
from app.ui.api import Endpoints
from lamp.config import DataConfig, TrainConfig, TuneConfig
from lamp.errors import ConfigError, DataError
from lamp.files import written_whole
from lamp.inference.answers import RowAnswer, write_answers
from storage.database import open_database
from storage.home import Home
from storage.jobs import JobState, JobStore

SAMPLE = "sample:support-tickets.csv"


@pytest.fixture
def endpoints(studio: Studio) -> Endpoints:
    return Endpoints(studio)


@pytest.fixture
def store(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


def ended(studio: Studio, store: JobStore, right: int) -> str:
    """A run that answered `right` of 40 tested rows as expected, and the untrained model none."""
    recipe = TuneConfig("acme/tiny", DataConfig(("text",), "label"), train=TrainConfig(steps=60))
    job = store.add("a run", recipe.to_dict(), SAMPLE, "support-tickets.csv", 60)
    store.claim("here", [0])
    scores = {"accuracy": right / 40, "untrained_accuracy": 0.0, "test_rows": 40.0}
    store.finish(job.id, JobState.DONE, scores=scores, step=60)
    store.release(job.id)
    path = Home(studio.settings.home).answers(job.id)
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as staged:
        write_answers(
            [
                RowAnswer(row, "text", "a", "a" if row < right else "b", float(row < right), 0.9, "b", 0.0)
                for row in range(40)
            ],
            staged,
        )
    return job.id


def test_a_quote_tells_what_would_be_read_and_trained_and_starts_nothing(
    endpoints: Endpoints, studio: Studio, tiny_llama: Path
) -> None:
    recipe = {"backbone": str(tiny_llama), "lamp": {"prompt_length": 20, "rank": 4}, "train": {"steps": 40}}
    quote = endpoints.quote(recipe, SAMPLE)
    data, training = quote["data"], quote["training"]
    assert quote["problems"] == [] and data["task"] == "classification" and len(data["labels"]) == 5
    assert data["train_rows"] + data["validation_rows"] + data["test_rows"] == data["rows"]
    assert training["steps"] == 40 and training["trainable"] > 0 and training["memory_bytes"] > 0
    assert training["measured"] is False
    assert json.loads(json.dumps(quote)) == quote and studio.jobs() == []


def test_a_quote_lists_every_reason_why_a_recipe_cannot_be_started(endpoints: Endpoints, tiny_llama: Path) -> None:
    recipe: dict[str, Any] = {"backbone": str(tiny_llama), "lamp": {"prompt_length": 20, "rank": 200}}
    quote = endpoints.quote(recipe, SAMPLE)
    assert "The rank (200) is larger than the prompt length" in quote["problems"][0] and quote["training"] is None


def test_results_are_the_rows_and_their_score(endpoints: Endpoints, studio: Studio, store: JobStore) -> None:
    results = endpoints.results(ended(studio, store, 30))
    assert results is not None and results["score"] == 0.75 and len(results["answers"]) == 40
    low, high = results["interval"]
    assert low < 0.75 < high
    assert results["answers"][0]["expected"] == "a" and results["answers"][39]["answer"] == "b"
    assert json.loads(json.dumps(results)) == results
    waiting = store.add("another", {"backbone": "acme/tiny"}, SAMPLE, "x.csv", 60)
    assert endpoints.results(waiting.id) is None


def test_two_runs_are_compared_on_the_rows_that_both_answered(
    endpoints: Endpoints, studio: Studio, store: JobStore
) -> None:
    ids = [ended(studio, store, right) for right in (10, 38)]
    compared = endpoints.compare(ids)
    assert [run["id"] for run in compared["runs"]] == ids and compared["metric"] == "accuracy"
    assert "B is better" in compared["differences"][0] and "more than chance" in compared["differences"][0]
    wrong: Any
    for wrong in ([], ids[:1], "ab", ids * 4):
        with pytest.raises(DataError, match="Give the ids of 2 to 6 runs"):
            endpoints.compare(wrong)


def test_a_run_is_resumed_deleted_and_brought_back(endpoints: Endpoints, studio: Studio, store: JobStore) -> None:
    run = ended(studio, store, 30)
    assert endpoints.delete(run)["deleted_at"] is not None
    assert endpoints.runs() == []
    assert endpoints.restore(run)["deleted_at"] is None
    assert [one["id"] for one in endpoints.runs()] == [run]
    stopped = store.add("stopped", TuneConfig("acme/tiny", DataConfig(("text",), "label")).to_dict(), SAMPLE, "x", 60)
    endpoints.stop(stopped.id)
    assert endpoints.resume(stopped.id)["state"] == "queued"
    for steps in (0, "many", True):
        with pytest.raises(ConfigError, match="The steps must be a whole number"):
            endpoints.extend(run, steps)  # type: ignore[arg-type]
