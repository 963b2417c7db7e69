"""Makes one measurement in a process of its own: `python -m app.planning.measuring_worker`.

The first line of standard input is a `Task` as JSON. Standard output has a JSON object a line: {"phase": sentence}
meanwhile, at the end {"measured": numbers} or {"problem": sentence}. It ends at once when standard input is closed,
which happens when the studio ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.data.dataset_file import DatasetFile
from app.processes.child_memory import be_ended_first, limit_memory
from lamp.config import TuneConfig
from lamp.errors import LampError, TrainingError
from lamp.process import prepare_process


@dataclass(frozen=True)
class Task:
    """A recipe to measure, and the files that it needs."""

    config: TuneConfig
    source: str
    """Folder or Hub id to load the backbone from."""
    dataset: DatasetFile
    trained_prompt: str
    """Folder of the exported prompt that the recipe starts from; "" if it names none."""
    tokens: str
    """Folder of the cached token ids."""
    gpus: int

    def to_json(self) -> str:
        """Returns one line that `from_json` reads."""
        return json.dumps({**asdict(self), "config": self.config.to_dict()}, default=str)

    @classmethod
    def from_json(cls, line: str) -> Task:
        values: dict[str, Any] = json.loads(line)
        paths = {part: Path(file) for part, file in values["dataset"].items() if file and part != "name"}
        dataset = DatasetFile(**{**values["dataset"], **paths})
        return cls(**{**values, "config": TuneConfig.from_dict(values["config"]), "dataset": dataset})


def main() -> int:
    """Measures. Returns 0, also after a problem that is one sentence, else another exit status."""
    began = time.perf_counter()
    prepare_process()
    task = Task.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_studio, daemon=True).start()
    be_ended_first()
    limit_memory()  # the training's own way out of an error of memory is measured too
    try:
        _say(measured=_measure(task, began))
    except LampError as error:
        _say(problem=str(error))
    return 0


def _measure(task: Task, began: float) -> dict[str, Any]:
    _say(phase="Loading the libraries")
    os.environ["HF_HUB_OFFLINE"] = "1"  # what is measured lies on this machine
    from lamp.backbone.out_of_memory import is_out_of_memory
    from lamp.training.measuring import measure

    splits = task.dataset.splits(task.config.data)
    trained_prompt = Path(task.trained_prompt) if task.trained_prompt else None
    try:
        measured = measure(
            task.config,
            splits,
            began,
            task.source,
            trained_prompt,
            Path(task.tokens),
            processes=task.gpus,
            on_phase=lambda text: _say(phase=text),
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            "The memory that is free now is too small to load this backbone: choose a smaller one, or end other "
            "programs and measure again."
        ) from error
    return measured.to_dict()


def _say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _end_with_the_studio() -> None:
    """Ends this process when the studio, which holds the other end of standard input, has ended or closes it."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
