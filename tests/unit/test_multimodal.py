"""Models that read images or sound beside text, used for text alone. test_families.py holds each family to the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import make_prefix
from lamp.backbone.writing import write
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.hub.catalog import inspect
from lamp.model_files.text_config import ENCODERS
from tests.families import save_model
from tests.multimodal import MULTIMODAL
from tests.unit.training import recipe, run

CPU = torch.device("cpu")
NAMES = ["Gemma3ForConditionalGeneration", "Mistral3ForConditionalGeneration", "Qwen3VLForConditionalGeneration"]


def saved(folder: Path, name: str) -> Path:
    return save_model(folder, MULTIMODAL[name])


@pytest.mark.parametrize("name", [*NAMES, "Llama4ForConditionalGeneration"])
def test_only_what_text_passes_through_is_counted_and_kept_in_memory(name: str, tmp_path: Path) -> None:
    folder = str(saved(tmp_path, name))
    backbone = FrozenBackbone.load(folder, precision="fp32", device=CPU)
    info = inspect(folder)
    whole: Any = getattr(transformers, name).from_pretrained(folder)
    encoders = [part for path, part in whole.named_modules() if path.rpartition(".")[2] in ENCODERS]
    weights = {id(weight): weight for encoder in encoders for weight in encoder.parameters()}.values()
    seen = sum(weight.numel() for weight in weights)
    assert seen > 0
    assert info.parameters == whole.num_parameters() - seen
    assert backbone.model.num_parameters() <= info.parameters
    text = whole.config.get_text_config()
    assert info.shape.layers == text.num_hidden_layers
    assert (info.shape.vocabulary, info.hidden_size) == (text.vocab_size, text.hidden_size)


@pytest.mark.parametrize("name", [*NAMES, "Llama4ForConditionalGeneration"])
def test_an_exported_prompt_gives_stock_peft_the_same_logits_on_the_class_that_its_card_names(
    name: str, tiny_table: Path, tmp_path: Path
) -> None:
    folder, exported = saved(tmp_path / "model", name), tmp_path / "exported"
    config = recipe(folder, steps=1, evaluate_every=1, checkpoint_every=1)
    result, _ = run(config, tiny_table, tmp_path / "checkpoints")
    exported.mkdir()
    save_prompt(result, config, exported)
    backbone = FrozenBackbone.load(str(folder), precision="fp32", device=CPU)
    card = (exported / "README.md").read_text()
    auto = card.split("from transformers import ")[1].split(",")[0]
    assert auto == backbone.auto_class
    assert f"PeftModel.from_pretrained({auto}.from_pretrained(base)" in card
    ids = torch.tensor([backbone.tokenizer("the film was good and the plot was fine").input_ids])
    prompt = load_prompt(exported).virtual_tokens
    embeddings, _ = backbone.join(prompt, ids, torch.ones_like(ids))
    # Of a whole Llama 4, PEFT would take the encoder of images for the model.
    whole = [] if name.startswith("Llama4") else ["AutoModelForImageTextToText"]
    for loader in (getattr(transformers, of) for of in [auto, *whole]):
        peft = PeftModel.from_pretrained(loader.from_pretrained(folder), str(exported)).eval()
        with torch.inference_mode():
            wanted = backbone.model(inputs_embeds=embeddings).logits
            got = peft(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_rotary_positions_in_three_dimensions_are_forgotten_between_batches_of_other_sizes(tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(
        str(saved(tmp_path, "Qwen2_5_VLForConditionalGeneration")), precision="fp32", device=CPU
    )
    prompt = torch.randn(3, backbone.hidden_size, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[5, 6, 7, 8]])

    @torch.inference_mode()
    def answer(rows: int) -> torch.Tensor:
        batch = ids.repeat(rows, 1)
        prefixes = [make_prefix(backbone, prompt)] * rows
        return write(backbone, prefixes, batch, torch.ones_like(batch), 4, may_end=False)

    wanted = answer(1)
    for rows in (3, 2, 1):
        assert torch.equal(answer(rows), wanted.repeat(rows, 1))
    plain = backbone.model(inputs_embeds=backbone.join(prompt, ids, torch.ones_like(ids))[0]).logits
    assert plain[0, -1].argmax() == wanted[0, 0]
