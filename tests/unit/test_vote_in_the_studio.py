"""A prompt of several that vote, as the studio answers with it and hands it out."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.answer import Request
from app.answering.predictor import Predictor
from app.prompts.bundle import zip_artifact
from lamp.export.saved_prompt import load_prompt, save_prompt
from tests.unit.training import recipe, run


@pytest.fixture(scope="module")
def exported(tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose two prompts vote."""
    folder = tmp_path_factory.mktemp("voters")
    config = recipe(tiny_llama, voters=2)
    result, _ = run(config, tiny_table, folder / "checkpoints")
    (folder / "out").mkdir()
    save_prompt(result, config, folder / "out")
    return folder / "out"


def test_a_prompt_is_tried_by_vote_beside_no_prompt(exported: Path, tiny_llama: Path) -> None:
    predictor = Predictor()
    request = Request(str(exported), str(tiny_llama), ({"text": "a dull film"}, {"text": "the music was great"}))
    best, both = predictor.answers(request), predictor.answers(replace(request, vote=True))
    other = replace(request, vote=True, untrained=False)
    assert [answer.tuned_probabilities for answer in predictor.answers(other)] == [
        pytest.approx(answer.tuned_probabilities, abs=1e-5) for answer in both
    ]
    for alone, voted in zip(best, both, strict=True):
        assert voted.tuned == max(voted.tuned_probabilities, key=voted.tuned_probabilities.__getitem__)
        assert voted.tuned_probabilities != pytest.approx(alone.tuned_probabilities, abs=1e-6)
        assert voted.untrained_probabilities == pytest.approx(alone.untrained_probabilities, abs=1e-5)


def test_the_zip_of_a_prompt_holds_the_others_too(exported: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(zip_artifact(exported, tmp_path, "a run")) as archive:
        assert {"adapter_model.safetensors", "voters/2.safetensors"} <= set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    assert len(load_prompt(tmp_path / "unpacked").voters) == 2
