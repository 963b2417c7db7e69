"""Opens the experiment trackers of accelerate for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

from lamp.backbone.devices import process_state

_PROJECT = "lamp-studio"


def open_tracker(
    tracker: str, *, id: str, name: str, tags: Sequence[str], recipe: Mapping[str, Any], folder: Path
) -> Any:
    """Opens a run's entry in a tracker: "trackio", "tensorboard" or "wandb".

    A resumed run continues its entry. folder: where TensorBoard's files are written. Raises whatever the tracker's
    library raises.
    """
    process_state()  # the trackers ask whether this is the main process
    if tracker == "tensorboard":
        opened: Any = TensorBoardTracker(id, folder)
    elif tracker == "trackio":
        opened = TrackioTracker(_PROJECT, name=f"{name} {id}", resume="allow", embed=False)
    else:
        opened = WandBTracker(_PROJECT, name=name, id=id, resume="allow", tags=list(tags))
    opened.start()
    if tracker != "tensorboard":  # which writes settings as a run of their own, once more at every resume
        opened.store_init_configuration(dict(recipe))
    return opened
