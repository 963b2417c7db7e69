"""A prompt in safetensors answers in plain transformers, from the text alone, as it does in the studio."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lamp.backbone.frozen import FrozenBackbone
from lamp.data.splits import Example
from lamp.errors import BackboneError, DataError, LampError
from lamp.export import exporting
from lamp.export.comparison import Comparison
from lamp.export.disk_space import check_space
from lamp.export.exporting import export_prompt
from lamp.export.extended_model import embedding_scale, extended_model
from lamp.export.options import ExportOptions
from lamp.export.saved_prompt import load_prompt
from tests.families import build_model, save_family, save_model, usual
from tests.random_prompt import save_random_prompt

TEXTS = ("the film was good", "awful plot", "a dull music , not bad", "it was loved", "great acting and ending")
ROWS = [Example(f"text: {text}\nlabel:", "positive", "\nlabel:") for text in TEXTS]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FAMILIES = [
    *("llama, llama3 rotary", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "opt", "bloom", "mistral", "phi", "phi3"),
    *("xglm", "t5", "flan-t5", "bart", "mbart", "t5gemma"),
]


def exported(prompt: Path, options: ExportOptions, target: Path, rows: list[Example] = ROWS) -> Comparison:
    saved = load_prompt(prompt)
    return export_prompt(saved, saved.config.backbone, 1_000_000, options, target, rows, lambda *_: None)


def set_chat_template(backbone: Path, template: str = CHATML) -> None:
    """Gives a backbone a chat template, without tokens for what it writes."""
    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(backbone)


def begin_with_bos(backbone: Path) -> None:
    """Makes the tokenizer of a backbone put <s> before every text, as Llama's does."""
    from tokenizers.processors import TemplateProcessing

    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="</s> $A", special_tokens=[("</s>", tokenizer.eos_token_id)]
    )
    tokenizer.save_pretrained(backbone)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_merged_model_of_every_family_answers_as_the_studio_does(family: str, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", save_family(tmp_path / "backbone", family))
    comparison = exported(prompt, ExportOptions("merged"), tmp_path / "out")
    assert (comparison.rows, comparison.same_answers, comparison.same_orders) == (len(ROWS),) * 3
    card = (tmp_path / "out" / "README.md").read_text()
    assert "5 of 5 answers are the same in transformers" in card and "Not proven" not in card


def test_a_prompt_of_a_run_in_four_bits_says_that_its_answers_were_compared_with_the_whole_weights(
    tiny_llama: Path, tmp_path: Path
) -> None:
    saved = load_prompt(save_random_prompt(tmp_path / "prompt", tiny_llama))
    train = replace(saved.config.train, quantization="4bit")
    saved = replace(saved, config=replace(saved.config, train=train))
    export_prompt(saved, str(tiny_llama), 1_000_000, ExportOptions("merged"), tmp_path / "out", ROWS, lambda *_: None)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "where it has them in 4 bits, as in the run, it may answer otherwise." in card


def test_the_prompt_changes_the_answers_of_the_merged_model(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    exported(prompt, ExportOptions("merged"), tmp_path / "out")
    answers = []
    for folder in (tiny_llama, tmp_path / "out"):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder)
        ids = tokenizer(ROWS[0].text, return_tensors="pt").input_ids
        answers.append(model.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1] :].tolist())
    assert answers[0] != answers[1]


def test_the_lines_of_a_merged_models_readme_run_as_they_stand(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    exported(prompt, ExportOptions("merged"), tmp_path / "out")
    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("path/of/this/folder", str(tmp_path / "out")), names)  # they are the user's own first try
    assert names["inputs"][0, :4].tolist() == names["model"].generation_config.suppress_tokens


@pytest.mark.parametrize("chat", [False, True])
def test_the_virtual_tokens_stand_before_everything_else_with_the_first_token_behind_them(
    chat: bool, tmp_path: Path
) -> None:
    backbone = save_family(tmp_path / "backbone", "qwen3")
    begin_with_bos(backbone)
    set_chat_template(backbone, "</s>" + CHATML)
    prompt = save_random_prompt(tmp_path / "prompt", backbone, chat=chat)
    comparison = exported(prompt, ExportOptions("merged"), tmp_path / "out")
    assert comparison.same_answers == len(ROWS)
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "out")
    message = [{"role": "user", "content": "good film"}]
    written = tokenizer.apply_chat_template(message, add_generation_prompt=True, return_dict=True)["input_ids"]
    first = tokenizer.convert_ids_to_tokens(written)[:5]
    names = [f"<|lamp_{number:02d}|>" for number in range(4)]
    assert first == [*names, "</s>"]
    if not chat:
        assert tokenizer("good film").input_ids == written
    else:
        assert not {*names} & {*tokenizer.convert_ids_to_tokens(tokenizer("good film").input_ids)}


def test_a_template_that_asks_for_todays_date_and_for_thinking_writes_what_training_saw(tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "llama, llama3 rotary")
    set_chat_template(
        backbone, "{{ strftime_now('%d %b %Y') }}{% if enable_thinking is not defined %} think{% endif %}\n" + CHATML
    )
    prompt = save_random_prompt(tmp_path / "prompt", backbone, chat=True)
    assert exported(prompt, ExportOptions("merged"), tmp_path / "out").same_answers == len(ROWS)
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "out")
    text = tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    assert text.startswith("<|lamp_00|><|lamp_01|><|lamp_02|><|lamp_03|>26 Jul 2024<|im_start|>")


def test_a_template_that_changed_since_the_training_is_refused(tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "llama")
    set_chat_template(backbone)
    prompt = save_random_prompt(tmp_path / "prompt", backbone, chat=True)
    set_chat_template(backbone, "New: " + CHATML)
    with pytest.raises(BackboneError, match="does not write what the prompt was trained with"):
        exported(prompt, ExportOptions("merged"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_no_logit_of_a_virtual_token_wins_where_all_others_are_negative(tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "phi")
    weights = load_file(backbone / "model.safetensors")
    weights["lm_head.bias"] -= 1000.0
    from safetensors.torch import save_file

    save_file(weights, backbone / "model.safetensors", metadata={"format": "pt"})
    prompt = save_random_prompt(tmp_path / "prompt", backbone)
    assert exported(prompt, ExportOptions("merged"), tmp_path / "out").same_answers == len(ROWS)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = torch.randint(3, 60, (16, 12), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(ids).logits
    virtual = model.generation_config.suppress_tokens
    assert (logits < 0).all()
    assert set(logits.argmax(-1).flatten().tolist()).isdisjoint(virtual)


def test_rows_of_a_padded_table_that_no_token_has_are_used(tmp_path: Path) -> None:
    build = build_model("Qwen2Config", "Qwen2ForCausalLM", **usual(tie_word_embeddings=True))
    backbone = save_model(tmp_path / "backbone", lambda vocabulary: build(vocabulary + 64))
    prompt = save_random_prompt(tmp_path / "prompt", backbone)
    assert exported(prompt, ExportOptions("merged"), tmp_path / "out").same_answers == len(ROWS)
    sizes = [json.loads((folder / "config.json").read_text())["vocab_size"] for folder in (backbone, tmp_path / "out")]
    assert sizes[0] == sizes[1]


def test_a_model_with_virtual_tokens_of_an_earlier_prompt_gets_names_of_its_own(
    tiny_llama: Path, tmp_path: Path
) -> None:
    exported(save_random_prompt(tmp_path / "first", tiny_llama), ExportOptions("merged"), tmp_path / "out")
    prompt = save_random_prompt(tmp_path / "second", tmp_path / "out")
    assert exported(prompt, ExportOptions("merged"), tmp_path / "again").same_answers == len(ROWS)
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "again")
    assert tokenizer.convert_ids_to_tokens(tokenizer("good").input_ids)[:5] == [
        *(f"<|lamp2_{number:02d}|>" for number in range(4)),
        "<|lamp_00|>",
    ]


def test_the_rows_of_a_model_that_scales_its_embeddings_are_stored_unscaled(tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "gemma3")
    prompt = save_random_prompt(tmp_path / "prompt", backbone)
    exported(prompt, ExportOptions("merged"), tmp_path / "out")
    scale = embedding_scale(FrozenBackbone.load(str(backbone), precision="fp32").embedding)
    assert scale == pytest.approx(32**0.5)
    merged: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = torch.tensor(merged.generation_config.suppress_tokens)
    torch.testing.assert_close(merged.get_input_embeddings()(ids), load_prompt(prompt).virtual_tokens)


def test_large_models_are_written_in_several_files(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamp.export.extended_model._SHARD", "40KB")
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    assert exported(prompt, ExportOptions("merged"), tmp_path / "out").same_answers == len(ROWS)
    assert (tmp_path / "out" / "model.safetensors.index.json").is_file()


def test_an_export_whose_logits_are_not_the_studios_is_refused_and_leaves_nothing(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def wrong(source: str, rows: torch.Tensor, ids: Any) -> Any:
        return extended_model(source, rows * 1.2, ids)

    monkeypatch.setattr(exporting, "extended_model", wrong)
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    with pytest.raises(BackboneError, match="more than rounding, so nothing was exported"):
        exported(prompt, ExportOptions("merged"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["prompt"]


def test_without_rows_the_export_says_that_its_answers_were_not_compared(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama, labels=())
    comparison = exported(prompt, ExportOptions("merged"), tmp_path / "out", rows=[])
    assert not comparison.is_proven
    assert "**Not compared:** no rows were given" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(("same", "proven"), [(40, True), (38, True), (37, False)])
def test_an_export_is_proven_from_38_of_40_equal_answers(same: int, proven: bool) -> None:
    sentence = Comparison("llama.cpp", 40, same).sentence()
    assert ("Not proven" not in sentence) == proven
    assert f"{same} of 40 answers are the same in llama.cpp as in the studio." in sentence


def test_a_folder_with_something_in_it_is_not_written_to(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="There is something at"):
        exported(prompt, ExportOptions("merged"), tmp_path / "out")


def test_a_disk_without_room_is_one_sentence_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(DataError, match=r"needs 2.0 GB, and the disk of .* has 0.0 GB left"):
        check_space(tmp_path / "deep" / "out", 2_000_000_000)
    check_space(tmp_path / "deep" / "out", 5)


def test_the_exported_vectors_are_the_adapters_and_their_lines_give_the_models_input(
    tiny_llama: Path, tmp_path: Path
) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    exported(prompt, ExportOptions("embeddings"), tmp_path / "out")
    virtual = load_prompt(prompt).virtual_tokens
    rows = load_file(tmp_path / "out" / "prompt.safetensors")["prompt_embeds"]
    assert torch.equal(rows, virtual) and np.array_equal(np.load(tmp_path / "out" / "prompt.npy"), virtual.numpy())

    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    before_vllm = re.sub(r"from vllm.*\n", "", code.split("llm = LLM")[0])
    names: dict[str, Any] = {}
    exec(before_vllm.replace("prompt.safetensors", str(tmp_path / "out" / "prompt.safetensors")), names)
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    wanted, _ = backbone.join(virtual, names["ids"], torch.ones_like(names["ids"]))
    torch.testing.assert_close(names["rows"], wanted[0].cpu())


def test_the_vectors_lines_for_an_encoder_run_as_they_stand(tiny_t5: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_t5)
    exported(prompt, ExportOptions("embeddings"), tmp_path / "out")
    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code.replace("prompt.safetensors", str(tmp_path / "out" / "prompt.safetensors")), names)
    assert names["rows"].shape[0] == 4 + names["ids"].shape[1]


@pytest.mark.parametrize(
    ("family", "sentence"),
    [
        ("t5", "has an encoder and a decoder"),
        ("gemma2", "no output layer of its own"),
        ("opt", "is a model of the type 'opt', which is not converted"),
        ("llama, yarn rotary", "rotary positions of the kind 'yarn'"),
    ],
)
def test_what_a_gguf_file_cannot_hold_exactly_is_refused_before_any_weights_are_read(
    family: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", save_family(tmp_path / "backbone", family))
    monkeypatch.setattr(FrozenBackbone, "load", lambda *_, **__: pytest.fail("weights were read"))
    with pytest.raises(LampError, match=sentence):
        exported(prompt, ExportOptions("gguf"), tmp_path / "out")


def test_a_tokenizer_that_puts_a_token_first_and_another_last_goes_on_to_do_so(tmp_path: Path) -> None:
    from tokenizers.processors import BertProcessing

    backbone = save_family(tmp_path / "backbone", "gpt2")
    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    tokenizer.backend_tokenizer.post_processor = BertProcessing(("</s>", 1), ("<pad>", 0))
    tokenizer.save_pretrained(backbone)
    prompt = save_random_prompt(tmp_path / "prompt", backbone)
    assert exported(prompt, ExportOptions("merged"), tmp_path / "out").same_answers == len(ROWS)
    merged: Any = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert merged("good").input_ids[4:] == tokenizer("good").input_ids
