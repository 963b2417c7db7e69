"""Search for language models on the Hub by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.hub.client import set_time_limits
from lamp.errors import BackboneError

SHORTEST_SEARCH = 2
"""Characters from which on a name is searched for."""
_TASKS = ("text-generation", "text2text-generation")
_MOST = 10


@dataclass(frozen=True)
class FoundModel:
    """A language model with safetensors weights, as the Hub lists it."""

    id: str
    parameters: int | None
    """None where the Hub has not counted them."""
    licence: str
    """The Hub's name of it, such as "apache-2.0"; empty where the model names none."""
    downloads: int
    """In the last month."""
    gated: bool


def search_models(text: str) -> list[FoundModel]:
    """The models with `text` in their ids, most downloaded first. Raises BackboneError if the Hub gives no answer.

    Quantised models are left out, because they cannot be tuned.
    """
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    set_time_limits()
    try:
        listed = [
            model
            for task in _TASKS
            for model in HfApi().list_models(
                search=text.strip(),
                pipeline_tag=task,
                filter="safetensors",
                sort="downloads",
                limit=_MOST,
                expand=["config", "downloads", "gated", "safetensors", "tags"],
            )
        ]
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
        # RuntimeError: see lamp.hub.catalog
        reason = "it cannot be reached"
        if isinstance(error, HfHubHTTPError):
            reason = f"it answered {error.response.status_code}"
        raise BackboneError(
            f"The Hub cannot be searched now ({reason}): choose a model of the list above, or give a folder."
        ) from error
    models = {model.id: _found(model) for model in listed if not (model.config or {}).get("quantization_config")}
    return sorted(models.values(), key=lambda model: -model.downloads)[:_MOST]


def _found(model: Any) -> FoundModel:
    licences = [tag.removeprefix("license:") for tag in model.tags or () if tag.startswith("license:")]
    return FoundModel(
        id=model.id,
        parameters=model.safetensors.total if model.safetensors else None,
        licence=licences[0] if licences else "",
        downloads=model.downloads or 0,
        gated=bool(model.gated),
    )
