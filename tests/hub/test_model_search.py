"""Search for backbones on the Hub by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.conftest import Run
from tests.hub.server import Hub

SEARCH = """
import dataclasses
from app.hub.model_search import search_models
from lamp.errors import BackboneError
def found(text):
    try:
        return [dataclasses.asdict(model) for model in search_models(text)]
    except BackboneError as error:
        return str(error)
answer([found(text) for text in arguments])
"""


def listed(task: str, parameters: int, downloads: int, *tags: str, **more: Any) -> dict[str, Any]:
    """What the Hub lists of a model."""
    return {
        "pipeline_tag": task,
        "downloads": downloads,
        "tags": ["safetensors", *tags],
        "safetensors": {"parameters": {"BF16": parameters}, "total": parameters},
        **more,
    }


@pytest.fixture
def models(hub: Hub) -> Hub:
    """A Hub with four models that can be tuned and six that cannot."""
    hub.add("acme/small-causal", {}, listed=listed("text-generation", 12_000, 70, "license:mit"))
    hub.add("acme/Large-causal", {}, listed=listed("text-generation", 12_000_000, 900), gated=True)
    hub.add("acme/encoder-decoder", {}, listed=listed("text2text-generation", 5_000, 500, "license:apache-2.0"))
    quantised = {"config": {"quantization_config": {"quant_method": "gptq"}}}
    hub.add("acme/causal-gptq", {}, listed=listed("text-generation", 3_000, 80, **quantised))
    pictures = "image-text-to-text"
    hub.add("acme/pictures-and-text", {}, listed=listed(pictures, 3_000, 60, config={"model_type": "gemma3"}))
    hub.add("acme/causal-pictures-alone", {}, listed=listed(pictures, 3_000, 80, config={"model_type": "florence2"}))
    hub.add("acme/causal-pictures-3n", {}, listed=listed(pictures, 3_000, 80, config={"model_type": "gemma3n"}))
    hub.add("acme/causal-pictures-unsaid", {}, listed=listed(pictures, 3_000, 80))
    hub.add("acme/causal-unheard-of", {}, listed=listed("text-generation", 3_000, 80, config={"model_type": "nobody"}))
    hub.add("acme/causal-pickled", {}, listed={**listed("text-generation", 3_000, 80), "tags": []})
    return hub


def test_models_are_found_by_a_part_of_their_name_most_downloaded_first(models: Hub, run: Run) -> None:
    (found,) = run(SEARCH, "CAUSAL").result
    assert [(model["id"], model["parameters"], model["licence"], model["gated"]) for model in found] == [
        ("acme/Large-causal", 12_000_000, "", True),
        ("acme/small-causal", 12_000, "mit", False),
    ]
    assert [model["downloads"] for model in found] == [900, 70]


def test_models_of_every_kind_that_can_be_tuned_are_found_together(models: Hub, run: Run) -> None:
    found, none = run(SEARCH, "acme/", "nobody").result
    assert [model["id"] for model in found] == [
        "acme/Large-causal",
        "acme/encoder-decoder",
        "acme/small-causal",
        "acme/pictures-and-text",
    ]
    assert none == []


def test_a_hub_without_an_answer_is_one_sentence(models: Hub, run: Run) -> None:
    impatient = "import app.hub.model_search; app.hub.model_search.SEARCH_SECONDS = 0.5\n"
    models.busy = True
    silent = run(impatient + SEARCH, "causal").result[0]
    assert "cannot be searched now (it gives no answer)" in silent and "list above" in silent and "\n" not in silent
    models.stop()
    assert "it gives no answer" in run(impatient + SEARCH, "causal").result[0]
    assert "it cannot be reached" in run(SEARCH, "causal", HF_HUB_OFFLINE="1").result[0]


def test_a_wrong_token_of_the_machine_is_named_and_not_shown(models: Hub, run: Run) -> None:
    done = run(SEARCH, "causal", HF_TOKEN="hf_outdatedSecret")
    assert "it does not take this machine's HF_TOKEN" in done.result[0]
    assert "hf_outdatedSecret" not in done.output
