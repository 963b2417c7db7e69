"""Copies what a rented machine has uploaded into the studio: checkpoints and the prompt, each whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from lamp.files import written_whole
from lamp.training.checkpoint_files import TENSORS, VALUES, is_whole
from lamp.training.run_digest import RECORD
from storage.artifacts import ArtifactStore
from storage.home import Home


def keep_checkpoints(sent: Path, home: Home, run: str) -> None:
    """Copies the checkpoints in a folder, and removes those that the rented machine has removed. Raises OSError."""
    if not (sent / RECORD).is_file():
        return
    kept = home.checkpoints(run)
    kept.mkdir(parents=True, exist_ok=True)
    _copy(sent / RECORD, kept / RECORD)
    whole = [checkpoint for checkpoint in sorted(sent.glob("step-*")) if is_whole(checkpoint)]
    for checkpoint in whole:
        target = kept / checkpoint.name
        if is_whole(target) and (target / VALUES).read_bytes() == (checkpoint / VALUES).read_bytes():
            continue
        with written_whole(target) as staged:
            staged.mkdir()
            for name in (VALUES, TENSORS):
                shutil.copyfile(checkpoint / name, staged / name)
            shutil.rmtree(target, ignore_errors=True)  # a folder with content cannot be replaced
    if whole:
        for old in kept.glob("step-*"):
            if old.name not in {checkpoint.name for checkpoint in whole}:
                shutil.rmtree(old, ignore_errors=True)


def keep_answers(sent: Path, home: Home, run: str) -> None:
    """Copies the files that the run's page shows beside the prompt. Raises OSError."""
    places = {"samples": home.samples(run), "answers": home.answers(run), "inspection": home.inspection(run)}
    for name, place in places.items():
        if (sent / name).is_file():
            _copy(sent / name, place)


def publish_prompt(sent: Path, home: Home, artifacts: ArtifactStore, run: str) -> None:
    """Publishes the prompt in a folder as the run's. Raises OSError."""
    with artifacts.stage(run) as staged:
        shutil.copytree(sent, staged, dirs_exist_ok=True)
    home.token_weights(run).unlink(missing_ok=True)  # of the prompt before


def _copy(source: Path, target: Path) -> None:
    with written_whole(target) as staged:
        shutil.copyfile(source, staged)
