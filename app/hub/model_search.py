"""Search for language models on the Hub by name."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from app.hub.client import set_time_limits
from lamp.errors import BackboneError
from lamp.hub.architecture import reads_text_alone
from lamp.hub.transformers_types import is_known

SHORTEST_SEARCH = 2
"""The fewest characters to search for."""
_TASKS = ("text-generation", "text2text-generation", "image-text-to-text")
_MOST = 10
_ASKED = 20
"""Models of each task that are requested from the Hub: some of them cannot be tuned."""
SEARCH_SECONDS = 8.0
"""Time limit for the Hub's answer to a search."""


@dataclass(frozen=True)
class FoundModel:
    """A language model with safetensors weights, as the Hub lists it."""

    id: str
    parameters: int | None
    """None if the Hub has not counted them."""
    licence: str
    """The Hub's name of it, such as "apache-2.0"; empty if the model names none."""
    downloads: int
    """Number of downloads in the last month."""
    gated: bool


def search_models(text: str) -> list[FoundModel]:
    """Returns the models with `text` in their ids, most downloaded first.

    Raises BackboneError if the Hub does not answer. Models whose type shows that they cannot be tuned are left out. So
    are quantised ones: in most formats they cannot be tuned, and where they can, the original model gives the exact
    gradients. They can still be chosen by id.
    """
    listed: list[Any] = []
    for answer in _answers(text.strip()):
        if isinstance(answer, Exception):
            raise BackboneError(
                f"The Hub cannot be searched now ({_reason(answer)}): choose a model of the list above, "
                "or give a folder."
            ) from answer
        listed += answer
    models = {model.id: _found(model) for model in listed if _can_be_tuned(model)}
    return sorted(models.values(), key=lambda model: -model.downloads)[:_MOST]


def _answers(text: str) -> list[list[Any] | Exception]:
    """Asks the Hub for models of each task in parallel; returns TimeoutError for each answer that came too late.

    huggingface_hub repeats requests for half a minute, too long for a search box.
    """
    answers: dict[str, list[Any] | Exception] = {task: TimeoutError() for task in _TASKS}

    def ask(task: str) -> None:
        try:
            answers[task] = _listed(text, task)
        except Exception as error:
            answers[task] = error

    set_time_limits()
    threads = [threading.Thread(target=ask, args=(task,), daemon=True) for task in _TASKS]
    deadline = time.monotonic() + SEARCH_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return list(answers.values())


def _listed(text: str, task: str) -> list[Any]:
    from huggingface_hub import HfApi

    return list(
        HfApi().list_models(
            search=text,
            pipeline_tag=task,
            filter="safetensors",
            sort="downloads",
            limit=_ASKED,
            expand=["config", "downloads", "gated", "pipeline_tag", "safetensors", "tags"],
        )
    )


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return "it does not take this machine's HF_TOKEN: set a valid one, or unset it"
        return f"it answered {status}"
    return "it gives no answer" if isinstance(error, TimeoutError) else "it cannot be reached"


def _can_be_tuned(model: Any) -> bool:
    """Returns whether a model may be tuned, as far as a list tells; its whole config is checked when it is chosen."""
    config = model.config or {}
    if config.get("quantization_config"):
        return False
    model_type = str(config.get("model_type") or "")
    if model.pipeline_tag == "image-text-to-text":
        return reads_text_alone(model_type)
    return not model_type or is_known(model_type)


def _found(model: Any) -> FoundModel:
    licences = [tag.removeprefix("license:") for tag in model.tags or () if tag.startswith("license:")]
    return FoundModel(
        id=model.id,
        parameters=model.safetensors.total if model.safetensors else None,
        licence=licences[0] if licences else "",
        downloads=model.downloads or 0,
        gated=bool(model.gated),
    )
