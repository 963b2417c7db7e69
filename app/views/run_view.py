"""The content of a run's page, as a frozen value without Gradio and without HTML."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.run import Run
from app.views import curves, score_text
from app.views.curves import Points
from app.views.estimates import Place, seconds_left
from app.views.formatting import backbone_name
from app.views.imported import imported_facts, imported_verdict
from app.views.rate_search import TriedRate, competing, tried_rates
from app.views.recipe_facts import Facts, recipe_facts
from app.views.recipe_settings import changes
from app.views.results import Results
from app.views.score_samples import ScoreSamples
from app.views.score_text import RunScores, ScoreComparison
from app.views.status import Status, describe_status
from app.views.verdict import Evidence, Verdict, verdict
from lamp.data.source import DataSource
from lamp.inference.confusion_matrix import ConfusionMatrix
from storage.records import Event, Job
from storage.states import JobState

LOG_LINES = 100
"""Lines of a run's log on its page."""
FOUND_LINES = 300
"""The most lines that a search of the log shows."""
_VALIDATION = "validation/"
"""Prefix of metrics that were measured on the held-out rows."""


@dataclass(frozen=True)
class Choices:
    """The reader's choices on a run's page."""

    smoothed: bool = True
    """Whether the training loss is smoothed"""
    words: str = ""
    """What to search the log for"""


Tile = tuple[str, str, str]
"""(name, value, remark)"""


@dataclass(frozen=True)
class RunView:
    """The content of a run's page."""

    id: str
    name: str
    tags: tuple[str, ...]
    note: str
    backbone: str
    """The backbone's name without its owner or folder."""
    dataset_name: str
    parent: str | None
    """Id of the run that this one was started from."""
    created_at: datetime
    now: datetime
    """Time when the view was made; ages are relative to it."""
    state: JobState
    imported: bool
    """Whether its prompt was made elsewhere."""
    deleted: bool
    error: str | None
    status: Status
    tiles: tuple[Tile, ...]
    """The few numbers that summarise the run."""
    steps: int
    loss: tuple[tuple[int, float], ...]
    """(step, training loss)"""
    metric: str
    """The one metric whose curve is shown, such as "accuracy"."""
    validation: tuple[tuple[int, float], ...]
    """(step, score) of `metric` on the held-out rows; step 0 is the untrained backbone."""
    tried_rates: tuple[TriedRate, ...]
    """The rates of the search for the learning rate, with their losses."""
    scores: tuple[ScoreComparison, ...]
    """The final scores; empty before the run has ended."""
    scored_on: str
    """The rows of the final scores, such as "45 test rows"."""
    tested: bool
    """Whether those rows had no part in choosing the prompt."""
    verdict: Verdict | None
    """How good the prompt is; None before the run has ended, and if its scores do not tell."""
    results: Results | None
    """The answers to the held-out rows; None before the run has ended."""
    confusion: ConfusionMatrix | None
    events: tuple[Event, ...]
    """Every change of state, oldest first."""
    log: str
    """The last LOG_LINES lines of the log."""
    recipe: Facts
    changes: tuple[tuple[str, str, str], ...] | None
    """(name, value before, value here) of the settings that differ from its parent's; None without a parent"""
    voters: int
    """Number of prompts that are left after the search for the rate"""
    samples: tuple[ScoreSamples, ...]
    """Answers to a few held-out rows at each evaluation"""
    prompt_version: str
    """Changes whenever the run has a new prompt to try and to export; empty while it has none."""

    choices: Choices = Choices()
    found_log: str = ""
    """The lines of the log that contain the words of `choices`"""

    @property
    def live(self) -> bool:
        """Whether the run has not ended: it can be stopped, and its page must be refreshed."""
        return not self.state.finished and not self.deleted

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end and has not ended yet."""
        return self.state is JobState.STOPPING

    @property
    def can_resume(self) -> bool:
        """Whether the run ended early and can continue from its last checkpoint."""
        return self.state.resumable and self.state.finished and not self.deleted

    @property
    def can_move_up(self) -> bool:
        """Whether the run waits in the queue."""
        return self.state is JobState.QUEUED and not self.deleted

    @property
    def can_try(self) -> bool:
        """Whether there is a prompt to try."""
        return bool(self.prompt_version) and not self.deleted

    @property
    def has_curves(self) -> bool:
        """Whether there are enough steps for a curve."""
        return len(self.loss) > 1


def make_run_view(
    run: Run,
    now: datetime,
    *,
    metrics: Mapping[str, float],
    curve: Callable[[str], Points],
    short_curves: Callable[[Collection[str]], Mapping[str, Points]],
    place: Place | None,
    results: Results | None,
    confusion: ConfusionMatrix | None,
    events: Sequence[Event],
    log: str,
    samples: tuple[ScoreSamples, ...] = (),
    parent: Job | None = None,
    source: DataSource | None = None,
) -> RunView:
    """Makes the view of a run at `now`.

    metrics: the last value of each metric; curve, short_curves: return the points of a metric, and of several that have
    few; place: a waiting run's place in the queue; parent: the run that it was started from; source: the part of the
    Hub that its data set was fetched from.
    """
    job = run.job
    scores = RunScores.of(job.scores)
    measured = (name.removeprefix(_VALIDATION) for name in metrics if name.startswith(_VALIDATION))
    metric = score_text.main_metric(measured) or "accuracy"
    loss, validation = tuple(curve("loss")), tuple(curve(_VALIDATION + metric))
    tried = tried_rates(metrics, short_curves)
    rate_is_found = run.config.train.learning_rate == "found"
    return RunView(
        id=job.id,
        name=job.name,
        tags=job.tags,
        note=job.note,
        backbone=backbone_name(run.config.backbone),
        dataset_name=job.dataset_name,
        parent=job.parent,
        created_at=job.created_at,
        now=now,
        state=job.state,
        imported=run.imported,
        deleted=job.deleted_at is not None,
        error=job.error,
        status=describe_status(job, now, _seconds_left(run, metrics, curve, tried), place),
        tiles=tuple(_tiles(scores, loss, metric, validation, metrics.get("rows_per_second", 0.0))),
        steps=job.steps,
        loss=loss,
        metric=metric,
        validation=validation,
        tried_rates=tried,
        scores=score_text.compare_scores(scores),
        scored_on=score_text.scored_on(scores),
        tested=scores.tested,
        verdict=_verdict(run, Evidence(scores, results, loss, validation, metric, rate_is_found)),
        results=results,
        confusion=confusion,
        events=tuple(events),
        log=log,
        recipe=_facts(run, source),
        changes=tuple(changes(job, parent)) if parent else None,
        voters=run.config.train.voters,
        samples=samples,
        prompt_version=f"{job.id} {job.finished_at}" if job.artifact is not None else "",
    )


def _seconds_left(
    run: Run, metrics: Mapping[str, float], curve: Callable[[str], Points], tried: Sequence[TriedRate]
) -> float | None:
    """Returns the seconds until a training run ends; None if that is unknown."""
    speed = curve("rows_per_second") if run.job.state is JobState.RUNNING else ()
    return seconds_left(run.job, run.config.train, speed, metrics.get("scoring_seconds", 0.0), competing(tried))


def _facts(run: Run, source: DataSource | None) -> Facts:
    """Returns the facts of a run's recipe, or of an imported prompt."""
    facts = recipe_facts(run, source)
    return imported_facts(run, facts) if run.imported else facts


def _verdict(run: Run, evidence: Evidence) -> Verdict | None:
    """Returns the verdict on an ended run, or on an imported prompt."""
    if run.imported:
        return imported_verdict(run, evidence.results)
    return verdict(evidence) if run.job.state.finished else None


def _tiles(final: RunScores, loss: Points, metric: str, validation: Points, rows_per_second: float) -> list[Tile]:
    """final: the scores of an ended run, shown instead of the best ones of its curve."""
    tiles = []
    best = curves.best_point(validation, metric)
    if main := score_text.main_metric(final.tuned):
        score = score_text.compare_score(main, final.tuned[main], final.untrained.get(main))
        tiles.append((score.label, score.tuned, f"on {score_text.scored_on(final)}"))
        if score.gain:
            tiles.append(("Against untrained", score.gain, f"from {score.untrained}"))
    elif best is not None:
        step, value = best
        score = score_text.compare_score(metric, value, curves.untrained_value(validation))
        tiles.append((f"Best {score.label[:1].lower()}{score.label[1:]}", score.tuned, f"at step {step:,}"))
        if score.gain:
            tiles.append(("Against untrained", score.gain, f"from {score.untrained}"))
    if loss:
        means = [value for _, value in curves.smoothed(loss)]
        tiles.append(("Training loss", f"{means[-1]:.3g}", f"at the start {means[0]:.3g}"))
    if rows_per_second:
        tiles.append(("Speed", f"{rows_per_second:.1f}", "rows a second"))
    return tiles
