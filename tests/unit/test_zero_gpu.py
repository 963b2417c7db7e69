"""A Space on ZeroGPU hardware: it starts, says on its pages that runs use the processor, and has them do so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from app.machine.zero_gpu import start_without_gpu
from app.processes import slots
from app.processes.child_environment import child_environment
from app.settings import Settings
from lamp.errors import LampError


def package(startup: Callable[[], None], decorated: list[Any]) -> dict[str, ModuleType]:
    """What is used of the package `spaces`, which only a Space has."""
    spaces, zero = ModuleType("spaces"), ModuleType("spaces.zero")
    spaces.GPU = decorated.append  # type: ignore[attr-defined]
    zero.startup = startup  # type: ignore[attr-defined]
    return {"spaces": spaces, "spaces.zero": zero}


def test_the_hardware_is_told_of_a_function_and_runs_see_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    decorated: list[Any] = []
    told: list[int] = []
    for name, module in package(lambda: told.append(len(decorated)), decorated).items():
        monkeypatch.setitem(sys.modules, name, module)
    start_without_gpu()
    assert told == [1]
    assert slots.devices(None) == [""] and child_environment()["CUDA_VISIBLE_DEVICES"] == ""


def test_what_keeps_the_hardware_from_taking_the_studio_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    with pytest.raises(LampError, match=r"add it to requirements\.txt"):
        start_without_gpu()

    def refuse() -> None:
        raise RuntimeError("Error while initializing ZeroGPU: NotFound")

    for name, module in package(refuse, []).items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(LampError, match="ZeroGPU did not take the studio's report"):
        start_without_gpu()


def test_only_a_space_with_this_hardware_is_one() -> None:
    assert Settings.from_environment({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"}).zero_gpu
    assert not Settings.from_environment({"SPACE_ID": "a/b"}).zero_gpu
    assert not Settings.from_environment({"SPACES_ZERO_GPU": "true"}).zero_gpu
