"""What a person has in a studio, made without training. Every text of theirs has the word SECRET in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.access.people import Person
from app.studio import Studio
from lamp.baselines.ways import WayResult, keep_result
from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.files import written_whole
from lamp.inference.answers import RowAnswer, write_answers
from lamp.inference.inspection import InspectedToken, Inspection, write_inspection
from storage.jobs import JobState, JobStore

BACKBONE = "acme/tiny"
"""A copy of it lies in the home folder."""
ROWS = 60
_MORE_THAN_THERE_ARE = 9
"""GPUs of a run that stays queued while others are ended."""


@dataclass(frozen=True)
class Things:
    """The runs and the data set of one person."""

    secret: str
    dataset: str
    done: str
    """A run with a prompt, answers, a finished comparison and a log."""
    stopped: str
    queued: str
    recipe: dict[str, Any]


def unknown(things: Things) -> Things:
    """The same with ids that nobody has."""
    return replace(things, dataset="upload:" + "0" * 64, done="0" * 10, stopped="1" * 10, queued="2" * 10)


def add_things(studio: Studio, store: JobStore, person: Person, folder: Path) -> Things:
    """Gives a person all of it. store: one that sees everything."""
    secret = f"secret-of-{person.name}"
    own, folder = studio.as_(person), folder / person.name
    folder.mkdir(parents=True)
    file = folder / "rows.csv"
    lines = [f"{secret} text {number},{('good', 'bad')[number % 2]}-{secret}" for number in range(ROWS)]
    file.write_text("\n".join(["text,label", *lines]))
    dataset = own.add_dataset(file, f"{secret}.csv").reference
    recipe = TuneConfig(
        BACKBONE,
        DataConfig(("text",), "label"),
        LampConfig(prompt_length=20, rank=4),
        TrainConfig(steps=40, precision="fp32"),
    )
    done = _run(store, person, recipe, dataset, secret)
    _end(studio, store, done, secret)
    stopped = _run(store, person, recipe, dataset, secret)
    store.request_stop(stopped)
    queued = _run(store, person, recipe, dataset, secret, gpus=_MORE_THAN_THERE_ARE)
    return Things(secret, dataset, done, stopped, queued, recipe.to_dict())


def _run(store: JobStore, person: Person, recipe: TuneConfig, dataset: str, secret: str, gpus: int = 1) -> str:
    return store.add(
        f"run {secret}",
        recipe.to_dict(),
        dataset,
        f"{secret}.csv",
        40,
        owner=person.name,
        tags=[f"tag {secret}"[:50]],
        note=f"note {secret}",
        gpus=gpus,
    ).id


def _end(studio: Studio, store: JobStore, id: str, secret: str) -> None:
    """Ends a queued run as its worker would, with everything that it leaves."""
    claimed = store.claim("a machine", range(_MORE_THAN_THERE_ARE - 1))
    assert claimed is not None and claimed.id == id
    store.heartbeat(id, 40, "Training", [(step, "loss", 1.0) for step in range(1, 41)])
    home = studio._home
    with studio._artifacts.stage(id) as staged:
        labels = [f"good-{secret}", f"bad-{secret}"]
        (staged / "lamp_config.json").write_text(json.dumps({"labels": labels, "hidden_size": 8}))
        (staged / "adapter_config.json").write_text('{"task_type": "CAUSAL_LM"}')
    rows = [
        RowAnswer(row, f"{secret} text", f"good-{secret}", f"good-{secret}", 1.0, 0.9, f"bad-{secret}", 0.0)
        for row in range(40)
    ]
    home.answers(id).parent.mkdir(exist_ok=True)
    with written_whole(home.answers(id)) as staged:
        write_answers(rows, staged)
    words = ((f"word {secret}", 0.5),)
    with written_whole(home.inspection(id)) as staged:
        write_inspection(Inspection((InspectedToken(words, words, 0.1),) * 20, (), (), 0.5), staged)
    home.log(id).parent.mkdir(exist_ok=True)
    home.log(id).write_text(f"2026-05-01T12:00:00Z {secret}\n")
    scores = {"accuracy": 1.0, "untrained_accuracy": 0.0, "test_rows": 40.0}
    store.finish(id, JobState.DONE, scores=scores, step=40, artifact=id)
    store.release(id)
    ended = store.get(id).finished_at
    assert ended is not None
    scored = {row: 0.0 for row in range(40)}
    found = WayResult("instruction", {"accuracy": 0.0}, scored, text=f"Answer {secret}", comparison="x")
    keep_result(found, home.other_ways(id), ended.isoformat())
