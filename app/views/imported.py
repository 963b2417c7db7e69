"""The facts and the verdict of an imported prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from app.run import Run
from app.views.results import Results
from app.views.verdict import Verdict
from lamp.config import MADE_FROM

Facts = tuple[tuple[str, str], ...]


def origin(run: Run) -> Mapping[str, Any]:
    """Returns the origin of an imported prompt, as the import has recorded it; empty for a trained run."""
    made_from = run.job.config.get(MADE_FROM)
    prompt = made_from.get("prompt") if isinstance(made_from, Mapping) else None
    return prompt if isinstance(prompt, Mapping) else {}


def imported_facts(run: Run, recipe: Facts) -> Facts:
    """Returns the facts of an imported prompt. recipe: the facts of its recipe; without one, not all are known."""
    known, lamp = origin(run), run.config.lamp
    came = f"{known['id']}, revision {str(known['revision'])[:10]}" if "id" in known else str(known.get("file", ""))
    first = (("Imported from", came or "a zip"),)
    factors = () if known.get("factors") else (("Factors", _COMPUTED),)
    if known.get("recipe"):
        return (*first, *((name, value) for name, value in recipe if value), *factors)
    return (
        *first,
        ("Recipe", "not known: it came without one"),
        *((name, value) for name, value in recipe if name in ("Backbone", "Input", "Template", "Task")),
        ("Prompt", f"{lamp.virtual_tokens} virtual tokens"),
        *factors,
    )


_COMPUTED = "computed from its virtual tokens, which they make exactly: a run can start from them"


def imported_verdict(run: Run, results: Results | None) -> Verdict | None:
    """Returns the verdict on its scores; None without any."""
    if results is None:
        told = "Its scores are those of its maker", "They were measured elsewhere: score it on rows of your own."
        return Verdict(*told, "warn") if run.job.scores else None
    count, low, high = len(results.answers), 100 * results.interval.low, 100 * results.interval.high
    rows = f"{count:,} rows of {run.job.dataset_name} ({low:.0f} to {high:.0f} %)"
    untrained = sum(answer.untrained_score for answer in results.answers) / count
    heading = f"ROUGE-L {100 * results.mean:.0f} % on {rows}; the untrained model {100 * untrained:.0f} %."
    if results.are_labels:
        heading = f"Right on {results.right:,} of {rows}; the untrained model on {results.untrained_right:,}."
    tone: Literal["good", "warn"] = "good" if results.gain.low > 0 else "warn"
    helps = "The prompt clearly helps." if tone == "good" else "The prompt helps no more than chance could."
    return Verdict(heading, f"{helps} Whether it has learned from these rows is not known here.", tone)
