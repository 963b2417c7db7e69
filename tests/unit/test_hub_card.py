"""The model card that is published: what the Hub shows of a prompt, and what a person may make of it."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from PIL import Image

from app.hub.card import checked_card, hub_card
from app.hub.errors import HubError
from app.hub.licences import licence_of
from app.hub.pictures import curve_png
from app.run import Run
from app.studio import Studio
from lamp.config import DataConfig, TuneConfig
from lamp.export.model_card import model_card
from lamp.inference.confusion_matrix import ConfusionMatrix
from storage.database import open_database
from storage.jobs import JobState, JobStore
from tests.unit.training import recipe, run

SOURCE = {"data": {"id": "acme/films", "subset": "en", "split": "train", "revision": "3f2a91c5d0" * 4}}
SCORES = {"accuracy": 0.9, "macro_f1": 0.88, "loss": 0.3, "untrained_accuracy": 0.5, "test_rows": 40.0}


@pytest.fixture
def store(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


def front(card: str) -> Any:
    """The lines between the --- as the Hub reads them."""
    return ModelCard(card).data


def ended(store: JobStore, backbone: str = "acme/tiny", scores: dict[str, float] = SCORES, **data: Any) -> Run:
    config = TuneConfig(backbone, replace(DataConfig(("text",), "label"), **data))
    job = store.add("films on tiny", config.to_dict(), "sample:x.csv", "secret-patients.csv", 60)
    store.claim("here", [0])
    store.log_values(job.id, [(step, "loss", 1 / step) for step in range(1, 40)])
    store.log_values(job.id, [(step, "validation/accuracy", step / 40) for step in range(0, 40, 10)])
    store.finish(job.id, JobState.DONE, scores=scores, step=60, artifact=job.id)
    store.release(job.id)
    return Run.of(store.get(job.id))


def test_the_hub_reads_scores_data_backbone_and_licence_from_the_card(store: JobStore) -> None:
    data = front(hub_card("# A prompt\n", ended(store), SOURCE, {"license": "apache-2.0"}, curve=False, badge=False))
    assert data.license == "apache-2.0" and data.base_model == "acme/tiny"
    assert data.library_name == "peft" and "prompt-tuning" in data.tags
    assert data.datasets == ["acme/films"]
    accuracy, f1 = data.eval_results
    assert (accuracy.metric_type, accuracy.metric_value, f1.metric_type, f1.metric_name) == (
        *("accuracy", 0.9),
        *("f1", "Macro F1"),
    )
    assert (accuracy.dataset_type, accuracy.dataset_config, accuracy.dataset_split) == ("acme/films", "en", "train")
    assert accuracy.dataset_revision == SOURCE["data"]["revision"] and "40 test rows, held out" in accuracy.dataset_name
    assert data.widget == [{"text": "text: [text]\nlabel:"}]


def test_rows_of_their_own_for_the_test_name_the_data_that_they_are_of(store: JobStore) -> None:
    own = {**SOURCE, "test_data": {**SOURCE["data"], "split": "test"}}
    data = front(hub_card("# A prompt\n", ended(store), own, {}, curve=False, badge=False))
    assert data.eval_results[0].dataset_split == "test"
    assert "held out" not in data.eval_results[0].dataset_name


def test_the_name_of_a_file_of_ones_own_is_not_told(store: JobStore) -> None:
    card = hub_card("# A prompt\n", ended(store), {}, {}, curve=False, badge=False)
    assert "secret-patients" not in card
    assert front(card).eval_results[0].dataset_name == "40 test rows of its maker's own"


def test_a_folder_of_this_machine_is_no_base_model_and_without_scores_there_is_no_index(store: JobStore) -> None:
    data = front(hub_card("# A prompt\n", ended(store, "/home/ada/tiny", {}), {}, {}, curve=False, badge=False))
    assert "base_model" not in data.to_dict() and data.eval_results is None
    assert "license" not in data.to_dict()


def test_an_exported_card_keeps_its_text_and_gets_the_curve_before_its_scores(
    store: JobStore, tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama, steps=1)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    assert isinstance(result.final.confusion, ConfusionMatrix)
    own = model_card(result, config)
    card = hub_card(own, ended(store), SOURCE, {"license": "mit"}, curve=True, badge=False)
    assert card.index("](training-curve.png)") < card.index("## Scores on")
    text = ModelCard(card).text.replace("![Training loss and validation score by step](training-curve.png)\n\n", "")
    assert text.strip() == ModelCard(own).text.strip()
    again = hub_card(card, ended(store), SOURCE, {"license": "mit"}, curve=True, badge=False)
    assert again.count("training-curve.png") == 1


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("x" * 200_001, "shorten it to 200,000"),
        ("---\nlicense: [mit\n---\n# A", "are not YAML in line 2"),
        ("---\n- a\n- b\n---\n# A", "are not YAML"),
        ("half \ud800", "half of a character"),
    ],
)
def test_an_edited_card_that_cannot_be_read_is_one_sentence(card: str, words: str) -> None:
    with pytest.raises(HubError, match=words):
        checked_card(card)


def test_the_curve_is_a_picture_of_the_loss_and_the_score() -> None:
    loss = [(step, 2.0 / step) for step in range(1, 100)]
    pictures = [curve_png(loss, score, "accuracy") for score in ([], [(0, 0.5), (50, 0.7), (99, 0.9)])]
    for content in pictures:
        image = Image.open(io.BytesIO(content))
        assert image.format == "PNG" and image.size == (1280, 560) and len(content) < 100_000
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or ()}
        assert (0x25, 0x63, 0xEB) in colours
        assert ((0xC2, 0x41, 0x0C) in colours) is (content is pictures[1])
    flat = curve_png([(1, 0.0), (2, 0.0)], [], "loss")
    assert Image.open(io.BytesIO(flat)).size == (1280, 560)


def test_a_folders_own_card_names_the_licence(tmp_path: Path) -> None:
    assert licence_of("/a/folder", tmp_path) == {}
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: other\nlicense_name: llama9\nlicense_link: LICENSE\ntags: [x]\n---\n# A\n")
    assert licence_of("/a/folder", tmp_path) == {
        "license": "other",
        "license_name": "llama9",
        "license_link": "LICENSE",
    }
    for broken in ("---\nlicense: [mit, apache-2.0]\n---\n", "---\nlicense: [mit\n---\n", "no front matter"):
        card.write_text(broken)
        assert licence_of("/a/folder", tmp_path) == {}


def test_a_studio_proposes_the_licence_of_the_backbone_and_takes_another_one(
    studio: Studio, store: JobStore, tiny_llama: Path, tmp_path: Path
) -> None:
    backbone = shutil.copytree(tiny_llama, tmp_path / "backbone")
    (backbone / "README.md").write_text("---\nlicense: gemma\n---\n# A backbone\n")
    run = ended(store, str(backbone))
    with studio._artifacts.stage(run.job.id) as staged:
        (staged / "README.md").write_text("---\ntags: [lamp]\n---\n# A prompt\n")
        (staged / "recipe.json").write_text("{}")
    assert studio.licence(run.job.id) == "gemma"
    fronts = [front(studio.card(run.job.id, licence)) for licence in (None, "mit", "")]
    assert [one.get("license") for one in fronts] == ["gemma", "mit", None]
    card = studio.card(run.job.id)
    assert "training-curve.png" in card
    assert card.rstrip().endswith("[![Tune this again](tune-again.png)](http://127.0.0.1:7860/?recipe=OWNER/NAME)")
