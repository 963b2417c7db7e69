"""What the Runs page says about runs: the list, the head of one run, its scores, log and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from app.ui import parts
from app.views import curves, formatting, score_text, status
from lamp.config import TrainConfig, TuneConfig
from storage.records import Event, Job
from storage.states import JobState


def listed(jobs: Sequence[Job], now: datetime) -> str:
    """The runs, one card a line, each a link to its page."""
    return '<div class="ls-runs">' + "".join(_line(job, now) for job in jobs) + "</div>"


def _line(job: Job, now: datetime) -> str:
    found = status.status(job, now)
    details = [backbone(job), job.dataset_name]
    tags = "".join(f'<span class="ls-tag">{escape(tag)}</span>' for tag in job.tags)
    middle = parts.bar(found.share, f"Progress of {job.name}", found.moving and job.state.active, found.tone)
    step = f"{job.step:,} / {job.steps:,} steps"
    made = parts.moment(job.created_at, formatting.age(job.created_at, now))
    return (
        f'<a class="ls-run" href="runs?run={escape(job.id)}">'
        f'<div class="ls-run-name"><strong>{escape(job.name)}</strong>'
        f"<small>{escape(' · '.join(filter(None, details)))} · {made}{tags}</small></div>"
        f"<div>{parts.pill(found.label, found.tone)}</div>"
        f'<div class="ls-run-bar">{middle}<small>{step}</small></div>'
        f'<div class="ls-run-score">{_line_score(job)}</div></a>'
    )


def _line_score(job: Job) -> str:
    name = score_text.main_score(list(job.scores))
    if name is None:
        return '<small class="ls-error">' + escape(job.error) + "</small>" if job.error else ""
    score = score_text.compared(name, job.scores[name], job.scores.get(f"untrained_{name}"))
    remark = f"{score.name}" + (f", {score.gain}" if score.gain else "")
    return f"<b>{escape(score.tuned)}</b><small>{escape(remark)}</small>"


def backbone(job: Job) -> str:
    """The backbone's name without its owner or folder."""
    return str(job.config.get("backbone", "")).rstrip("/").rpartition("/")[2]


def head(job: Job, found: status.Status, now: datetime, tiles: Sequence[tuple[str, str, str]]) -> str:
    """Name, state, progress and the few numbers that matter."""
    tags = "".join(f'<span class="ls-tag">{escape(tag)}</span>' for tag in job.tags)
    note = f'<p class="ls-note">{escape(job.note)}</p>' if job.note else ""
    origin = f' · from <a href="runs?run={escape(job.parent)}">another run</a>' if job.parent else ""
    progress = parts.bar(found.share, "Progress", found.moving, found.tone)
    made = parts.moment(job.created_at, formatting.age(job.created_at, now))
    percent = "" if found.moving else f"<b>{100 * found.share:.0f} %</b>"
    return (
        f'<a class="ls-up" href="runs">← All runs</a><div class="ls-head"><h1>{escape(job.name)}</h1>'
        f'{parts.pill(found.label, found.tone)}</div><p class="ls-small">{escape(backbone(job))} · '
        f"{escape(job.dataset_name)} · made {made}{origin}{tags}</p>"
        f'{note}<div class="ls-card ls-progress">{progress}<div class="ls-line"><span role="status" aria-live="polite">'
        f"{escape(found.sentence)}</span><span>{escape(found.left)} {percent}</span></div></div>"
        + (parts.tiles(tiles) if tiles else "")
    )


def trouble(job: Job, log: str) -> str:
    """Why a run ended badly, in one sentence, with the log's end folded beneath."""
    if job.deleted_at is not None:
        return parts.notice(
            "It can be brought back for a day; after that its files are gone.", "warn", "This run was deleted."
        )
    if job.state is JobState.FAILED:
        said = parts.notice(job.error or "The log says more.", "bad", "This run failed.")
    elif job.state is JobState.INTERRUPTED:
        said = parts.notice(
            f"{job.error or 'Its worker vanished.'} Resume goes on from the last checkpoint.",
            "warn",
            "This run was interrupted.",
        )
    else:
        return ""
    return said + (parts.fold("The end of the log", log) if log else "")


def scores(job: Job) -> str:
    """Every score of an ended run beside the untrained backbone's."""
    found = score_text.scores(job.scores)
    if not found:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{escape(one.name)}</th><td><b>{escape(one.tuned)}</b></td>"
        f"<td>{escape(one.untrained) or '–'}</td>"
        f'<td class="{"ls-better" if one.better else "ls-worse"}">{escape(one.gain) or "–"}</td></tr>'
        for one in found
    )
    return (
        parts.title("Scores on the held-out rows", "Rows that the prompt never learned from.")
        + '<table class="ls-scores"><thead><tr><th></th><th scope=col>Tuned</th><th scope=col>Untrained</th>'
        f"<th scope=col>Difference</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def log(text: str) -> str:
    """The last lines of the log."""
    if not text:
        return '<p class="ls-small">The log is empty so far.</p>'
    return f'<pre class="ls-log" tabindex="0" aria-label="Last lines of the log"><span>{escape(text)}</span></pre>'


def history(events: Sequence[Event], now: datetime) -> str:
    """Every change of state with its time and reason, newest first."""
    lines = "".join(
        f"<li>{parts.pill(*status.state_words(event.state))}<span>{escape(event.reason)}</span>"
        f"{parts.moment(event.at, formatting.age(event.at, now))}</li>"
        for event in reversed(events)
    )
    return f'{parts.title("History")}<ol class="ls-history">{lines}</ol>'


def recipe(job: Job) -> str:
    """The recipe as a list of facts."""
    config = TuneConfig.from_dict(job.config)
    data, lamp, train = config.data, config.lamp, config.train
    chat = ", in the model's chat format" if data.input_format == "chat" else ""
    return parts.title("Recipe") + parts.facts(
        [
            ("Backbone", config.backbone),
            ("Data", job.dataset_name),
            ("Input", ", ".join(data.input_columns) + chat),
            ("Target", data.target_column),
            (
                "Prompt",
                f"{lamp.prompt_length} tokens, pooled by {lamp.pooling} to {lamp.virtual_tokens} virtual tokens",
            ),
            ("Rank, interactions", f"{lamp.rank}, {lamp.interactions}"),
            (
                "Training",
                f"{train.steps:,} steps of {train.batch_size * train.accumulation * job.gpus} rows, learning rate "
                f"{train.learning_rate:g}",
            ),
            ("Computing", _computing(train, job.gpus)),
            ("Seed", str(train.seed)),
        ]
    )


def _computing(train: TrainConfig, gpus: int) -> str:
    said: list[str] = ["automatic precision" if train.precision == "auto" else train.precision]
    if gpus > 1:
        said.insert(0, f"{gpus} GPUs")
    if train.quantization != "none":
        said.append(f"weights in {train.quantization.removesuffix('bit')} bits")
    if train.gradient_checkpointing:
        said.append("gradient checkpointing")
    if train.compile:
        said.append("compiled")
    return ", ".join(said)


def tiles(
    latest: Mapping[str, float], loss: curves.Points, scored: curves.Points, metric: str
) -> list[tuple[str, str, str]]:
    """The few numbers that tell how a run is going."""
    found = []
    best = curves.best_point(scored, metric)
    if best is not None:
        untrained = next((value for step, value in scored if step == 0), None)
        score = score_text.compared(metric, best[1], untrained)
        found.append((f"Best {score.name[:1].lower()}{score.name[1:]}", score.tuned, f"at step {best[0]:,}"))
        if score.gain:
            found.append(("Against untrained", score.gain, f"from {score.untrained}"))
    if loss:
        calm = [value for _, value in curves.smoothed(loss)]
        found.append(("Training loss", f"{calm[-1]:.3g}", f"at the start {calm[0]:.3g}"))
    if latest.get("rows_per_second"):
        found.append(("Speed", f"{latest['rows_per_second']:.1f}", "rows a second"))
    return found
