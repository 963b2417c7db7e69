"""An exported prompt is stock PEFT's and says how it was made."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from lamp.backbone.forward import target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.config import TuneConfig
from lamp.data.encoding import Encoder
from lamp.data.source import DataSource
from lamp.data.splits import Example
from lamp.errors import DataError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.hub.cached import commit_of
from lamp.prompt import LampPrompt
from tests.unit.training import recipe, run


@pytest.mark.parametrize("family", ["tiny_llama", "tiny_t5"])
def test_the_exported_adapter_gives_the_same_logits_in_stock_peft(
    family: str, request: pytest.FixtureRequest, tiny_table: Path, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(family)
    config = recipe(folder)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    exported = tmp_path / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)

    ours = FrozenBackbone.load(str(folder), precision="fp32")
    encoder = Encoder(ours.tokenizer, is_encoder_decoder=ours.is_encoder_decoder, config=config.data)
    batch = encoder.batch(encoder.encode([Example("text: the film was good\nlabel:", "positive", "")]), ours.device)
    auto = AutoModelForSeq2SeqLM if family == "tiny_t5" else AutoModelForCausalLM
    peft = PeftModel.from_pretrained(auto.from_pretrained(folder, dtype=torch.float32), str(exported)).eval()
    peft.to(ours.device)
    with torch.no_grad():
        wanted = target_logits(ours, load_prompt(exported).virtual_tokens.to(ours.device), batch)
        if family == "tiny_t5":
            got = peft(input_ids=batch.input_ids, attention_mask=batch.input_mask, labels=batch.target_ids).logits
        else:
            ids = torch.cat([batch.input_ids, batch.target_ids[:, :-1]], dim=1)
            got = peft(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -batch.target_ids.shape[1] :]
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=0)


def test_the_model_cards_lines_run_as_they_stand(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    exported = tmp_path / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)
    card = (exported / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    assert str(tiny_llama) in code
    names: dict[str, object] = {}
    exec(code.replace("path/or/repository/of/this/prompt", str(exported)), names)  # it is the user's own first try
    assert isinstance(names["model"], PeftModel)
    assert isinstance(AutoTokenizer.from_pretrained(tiny_llama).decode(names["output"][0]), str)  # type: ignore[index]


def test_the_virtual_tokens_are_composed_from_the_exported_factors(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    exported = tmp_path / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)
    saved = load_prompt(exported)
    again = LampPrompt(**result.factors, pooling=config.lamp.pooling, interactions=config.lamp.interactions)
    torch.testing.assert_close(again().detach(), saved.virtual_tokens)
    assert saved.config == config
    assert saved.labels == result.labels
    assert json.loads((exported / "scores.json").read_text()) == result.final.merged()
    assert {path.name for path in exported.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
        "lamp_factors.safetensors",
        "lamp_config.json",
        "recipe.json",
        "scores.json",
        "README.md",
    }


def test_no_row_of_the_data_stands_in_the_model_card(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    exported = tmp_path / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)
    card = (exported / "README.md").read_text()
    rows = [line.rpartition(",")[0] for line in tiny_table.read_text().splitlines()[1:]]
    assert not any(row in card for row in rows)


def test_a_folder_that_is_no_prompt_is_one_sentence(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not hold a whole exported prompt"):
        load_prompt(tmp_path)
    exported = tmp_path / "exported"
    exported.mkdir()
    config = recipe(tiny_llama, steps=1)
    save_prompt(run(config, tiny_table, tmp_path / "run")[0], config, exported)
    (exported / "lamp_config.json").write_text("[]")
    with pytest.raises(DataError, match="does not hold a whole exported prompt"):
        load_prompt(exported)


def test_the_recipe_names_the_commits_of_backbone_and_data_and_is_read_without_them(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama, steps=1)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    source, commit = DataSource("acme/films", "en", "train", "3f2a91c5d0" * 4), "0123456789" * 4
    sources = {"data": source, "test_data": replace(source, split="test")}
    save_prompt(result, config, tmp_path, sources, commit)
    written = json.loads((tmp_path / "recipe.json").read_text())
    assert written["made_from"] == {
        "backbone": {"id": str(tiny_llama), "revision": commit},
        "data": {"id": "acme/films", "subset": "en", "split": "train", "revision": source.revision},
        "test_data": {"id": "acme/films", "subset": "en", "split": "test", "revision": source.revision},
    }
    assert load_prompt(tmp_path).config == config == TuneConfig.from_dict(written)
    card = (tmp_path / "README.md").read_text()
    assert f"| backbone at revision | `{commit}` |" in card
    assert "the recipe that it was trained with, and the revision of the model and of the data on the Hub." in card
    for package in ("peft", "transformers", "torch"):
        assert f"{package} {version(package)}" in card

    save_prompt(result, config, tmp_path)
    assert "made_from" not in json.loads((tmp_path / "recipe.json").read_text())
    card = (tmp_path / "README.md").read_text()
    assert "the recipe that it was trained with.\n" in card and "at revision" not in card


def test_the_cards_lines_write_the_longest_label_whole(tiny_llama: Path, tiny_table: Path, tmp_path: Path) -> None:
    config = recipe(tiny_llama, steps=1)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    save_prompt(result, config, tmp_path)
    assert f"max_new_tokens={config.data.max_target_tokens}," in (tmp_path / "README.md").read_text()


def test_the_commit_of_a_cached_backbone_is_known_and_a_folder_has_none(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789" * 4
    cached = tmp_path / "models--acme--tiny" / "snapshots" / commit
    shutil.copytree(tiny_llama, cached)
    refs = tmp_path / "models--acme--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert commit_of("acme/tiny") == commit == commit_of(str(cached))
    assert commit_of("acme/other") == commit_of(str(tiny_llama)) == ""
