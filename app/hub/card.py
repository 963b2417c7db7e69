"""The model card for the Hub: licence, scores with their data, and where to try inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.hub.errors import HubError
from app.run import Run
from app.views import score_text
from app.views.score_text import RunScores
from lamp.data.columns import Template
from lamp.hub.catalog import is_hub_id

CURVE, BADGE = "training-curve.png", "tune-again.png"
OWN_ID = "OWNER/NAME"
"""Placeholder in a card for the repository's id, which is known when it is published."""
_STUDIO = "http://127.0.0.1:7860"
"""Address of a studio on the reader's own machine."""
LONGEST_CARD = 200_000
_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "matthews": "matthews_correlation",
    "exact_match": "exact_match",
    "token_f1": "f1",
    "rouge_l": "rouge",
    "bleu": "bleu",
    "perplexity": "perplexity",
}
"""Scores → the Hub's names of their metrics. The loss is left out, because models cannot be compared by it."""


def hub_card(
    card: str, run: Run, made_from: Mapping[str, Any], licence: Mapping[str, str], *, curve: bool, badge: bool
) -> str:
    """Returns the card of an exported prompt with what the Hub shows beside it.

    card: the README.md of the export, "" if a prompt was imported without one; made_from: of its recipe.json; licence:
    the card's keys that name it, empty to name none; curve, badge: whether CURVE and BADGE are published.
    """
    from huggingface_hub import RepoCard

    parsed = RepoCard(card or _short_card(run), ignore_metadata_errors=True)
    data, backbone = parsed.data, run.config.backbone
    values: dict[str, Any] = {**licence, "library_name": "peft"}
    if is_hub_id(backbone) and "/" in backbone:
        values |= {"base_model": backbone, "base_model_relation": "adapter"}
    values["tags"] = list(dict.fromkeys([*_texts(data.get("tags")), "prompt-tuning", "peft"]))
    source = made_from.get("data")
    if isinstance(source, Mapping) and isinstance(source.get("id"), str):
        values["datasets"] = list(dict.fromkeys([*_texts(data.get("datasets")), source["id"]]))
    if not data.get("widget"):
        blank = {column: f"[{column}]" for column in run.config.data.input_columns}
        values["widget"] = [{"text": Template.of(run.config.data).render(blank)}]
    if results := _results(run, made_from):
        values["model-index"] = [{"name": run.job.name, "results": results}]
    for key, value in values.items():
        data[key] = value
    if curve and CURVE not in parsed.text:
        parsed.text = _with_curve(parsed.text)
    if badge and BADGE not in parsed.text:
        parsed.text = f"{parsed.text.rstrip()}\n\n[![Tune this again]({BADGE})]({_STUDIO}/?recipe={OWN_ID})\n"
    return str(parsed)


def checked_card(card: str) -> str:
    """Checks a card that a person has edited. Raises HubError if the Hub could not read it."""
    from huggingface_hub import RepoCard

    if not isinstance(card, str) or not card.strip():
        raise HubError("The model card is empty: write what the prompt is for.")
    if len(card) > LONGEST_CARD:
        raise HubError(f"The model card has {len(card):,} characters: shorten it to {LONGEST_CARD:,}.")
    try:
        card.encode()
        RepoCard(card, ignore_metadata_errors=True)
    except UnicodeEncodeError:
        raise HubError("The model card holds half of a character: take it out.") from None
    except Exception as error:  # YAML's errors are of many kinds
        where = getattr(getattr(error, "problem_mark", None), "line", None)
        line = "" if where is None else f" in line {where + 2}"
        raise HubError(f"The lines between the --- of the model card are not YAML{line}: put them right.") from None
    return card


def _results(run: Run, made_from: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the scores for the Hub's model-index; empty if none were measured here."""
    scores = RunScores.of(run.job.scores)
    metrics = [
        {"type": _METRICS[name], "value": round(value, 6), "name": score_text.metric_label(name)}
        for name, value in scores.tuned.items()
        if name in _METRICS
    ]
    if not metrics or (run.imported and not run.job.dataset):
        return []
    part, rows = ("test" if scores.tested else "validation"), score_text.scored_on(scores)
    own = made_from.get(f"{part}_data")
    source = own if isinstance(own, Mapping) else made_from.get("data")
    dataset: dict[str, Any] = {"name": f"{rows} of its maker's own", "type": "own"}
    if not run.imported and isinstance(source, Mapping) and isinstance(source.get("id"), str):
        said = {"config": source.get("subset"), "split": source.get("split"), "revision": source.get("revision")}
        held_out = rows if own else f"{rows}, held out"
        dataset = {
            "name": f"{source['id']} ({held_out})",
            "type": source["id"],
            **{name: value for name, value in said.items() if value},
        }
    task = "text-classification" if "accuracy" in scores.tuned else "text-generation"
    return [{"task": {"type": task}, "dataset": dataset, "metrics": metrics}]


def _with_curve(text: str) -> str:
    """Inserts the picture before the scores, or at the end."""
    picture = f"![Training loss and validation score by step]({CURVE})\n"
    scores = re.search(r"^## Scores", text, re.MULTILINE)
    return f"{text[: scores.start()]}{picture}\n{text[scores.start() :]}" if scores else f"{text.rstrip()}\n\n{picture}"


def _short_card(run: Run) -> str:
    tokens = run.config.lamp.virtual_tokens
    backbone = run.config.backbone.replace("`", "'")
    return f"---\nlibrary_name: peft\n---\n\n# A soft prompt\n\n{tokens} virtual tokens for `{backbone}`.\n"


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
