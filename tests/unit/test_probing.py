"""A small backbone of a family that was never tried is tried before a run, in a process of its own, once."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.planning.probing import Probing
from app.studio import Studio
from lamp.config import DataConfig, TuneConfig
from lamp.errors import ConfigError
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.stored_quantization import StoredQuantization
from lamp.hub.transformers_types import multimodal_classes
from lamp.hub.tried_types import TRIED
from tests import families, multimodal
from tests.unit.test_catalog import WEIGHTS, backbone

SAYS = """
import json, sys
open('{log}', 'a').write(sys.argv[1] + chr(10))
print('a library says')
print(json.dumps({result}))
"""
Make = Callable[[object], Probing]


@pytest.fixture
def strange(tmp_path: Path) -> BackboneInfo:
    """A backbone of a family that tests do not hold to anything."""
    config = {"architectures": ["BioGptForCausalLM"], "model_type": "biogpt", "hidden_size": 8}
    return inspect(backbone(tmp_path / "strange", config, WEIGHTS))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def probing(tmp_path: Path, log: Path) -> Make:
    """Makes one whose process notes that it was started and says this."""
    return lambda said: Probing(tmp_path / "probes", (sys.executable, "-c", SAYS.format(log=log, result=said)))


def starts(log: Path) -> Sequence[str]:
    return log.read_text().splitlines() if log.is_file() else []


@pytest.mark.parametrize("problem", ["", "It cannot be read exactly."])
def test_what_was_found_is_kept_until_a_file_of_the_backbone_changes(
    probing: Make, strange: BackboneInfo, log: Path, problem: str
) -> None:
    made = probing({"problem": problem})
    assert made.problem(strange, "x", wait=True) == problem
    assert made.problem(strange, "x") == problem == probing(None).problem(strange, "x"), "also after a restart"
    assert starts(log) == [strange.source]
    shutil.copy(Path(strange.source) / "config.json", Path(strange.source) / "more.json")
    assert made.problem(strange, "x", wait=True) == problem and len(starts(log)) == 2


def test_it_is_tried_in_the_background(probing: Make, strange: BackboneInfo) -> None:
    made = probing({"problem": "No."})
    assert made.problem(strange, "x") is None, "nobody waits while a form is filled in"
    assert made.problem(strange, "x", wait=True) == "No."


@pytest.mark.parametrize("said", [None, 1, []])
def test_a_process_that_ends_without_a_result_refuses_nothing(
    probing: Make, strange: BackboneInfo, log: Path, said: object
) -> None:
    made = probing(said)
    assert made.problem(strange, "x", wait=True) == "" and made.problem(strange, "x", wait=True) == ""
    assert len(starts(log)) == 1, "it is not tried again and again"


def test_a_process_that_takes_too_long_is_ended(strange: BackboneInfo, tmp_path: Path) -> None:
    endless = (sys.executable, "-c", "import time; time.sleep(10**6)")
    assert Probing(tmp_path / "probes", endless, seconds=0.2).problem(strange, "x", wait=True) == ""


def test_families_that_tests_hold_to_be_exact_and_packed_and_large_backbones_are_not_tried(
    probing: Make, tiny_llama: Path, strange: BackboneInfo, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = probing({"problem": "No."})
    assert made.problem(inspect(str(tiny_llama)), "x", wait=True) == ""
    packed = replace(strange, quantization=StoredQuantization("gptq", 4))  # it may want the GPU of the run
    assert made.problem(packed, "x", wait=True) == ""
    monkeypatch.setattr("app.planning.probing._MOST_PARAMETERS", 1)
    assert made.problem(strange, "x", wait=True) == ""
    monkeypatch.undo()
    monkeypatch.setattr("app.planning.probing.free_bytes", lambda: 0)
    assert made.problem(strange, "x", wait=True) == "" and starts(log) == []


def test_what_is_taken_as_tried_is_a_family_that_tests_try() -> None:
    named = {*families.CAUSAL, *families.ENCODER_DECODER} - {*families.REFUSED}
    named |= {"gemma3_text"} if "gemma3" in named else set()
    whole = {kind for kind, cls in multimodal_classes().items() if cls in multimodal.MULTIMODAL}
    assert not TRIED - named - whole
    assert not TRIED & {*families.REFUSED}


@pytest.mark.slow
def test_a_family_that_cannot_be_read_exactly_is_refused_before_the_start(
    studio: Studio, tiny_table: Path, tmp_path: Path
) -> None:
    pegasus = families.save_family(tmp_path / "pegasus", "pegasus")
    dataset = studio.add_dataset(tiny_table, "films.csv").reference
    config = TuneConfig(str(pegasus), DataConfig(("text",), "label"))
    plan = studio.plan(config, dataset)
    assert plan.problems == () and any("new to the studio" in warning for warning in plan.backbone_warnings)
    with pytest.raises(ConfigError, match="embeddings of tokens in another way"):
        studio.submit(config, dataset)
    plan = studio.plan(config, dataset)
    assert list(plan.fields.values()) == ["backbone"] and not any(
        "new to" in warning for warning in plan.backbone_warnings
    )
    assert json.loads(next((tmp_path / "probes").iterdir()).read_text())["problem"] == plan.problems[0]
