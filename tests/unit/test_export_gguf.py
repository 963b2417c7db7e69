"""A prompt in a GGUF file answers in real llama.cpp as it does in the studio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from transformers import AutoTokenizer

from lamp.data.chat import ChatAffixes, chat_affixes
from lamp.errors import BackboneError
from lamp.export import exporting
from lamp.export.comparison import messages_of
from lamp.export.exporting import export_prompt
from lamp.export.gguf_convert import pre_tokenizer
from lamp.export.gguf_file import _with_low_rows
from lamp.export.llama_cpp import llama_answers
from lamp.export.modelfile import modelfile, template
from lamp.export.options import ExportOptions
from lamp.export.saved_prompt import load_prompt
from lamp.export.virtual_vocabulary import virtual_vocabulary
from tests.families import build_model, save_family, save_model, usual
from tests.random_prompt import save_random_prompt
from tests.unit.test_export_formats import CHATML, ROWS, begin_with_bos, exported, set_chat_template

FAMILIES = ["llama", "llama, llama3 rotary", "qwen2", "qwen3", "gemma3", "gpt2", "bloom"]


def fields(file: Path) -> dict[str, Any]:
    return {field.name: field.contents() for field in gguf.GGUFReader(file).fields.values()}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gguf_file_of_a_family_answers_in_llama_cpp_as_the_studio_does(family: str, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", save_family(tmp_path / "backbone", family), max_target_tokens=3)
    comparison = exported(prompt, ExportOptions("gguf"), tmp_path / "out")
    assert (comparison.rows, comparison.same_answers) == (len(ROWS), len(ROWS))
    assert "5 of 5 answers are the same in llama.cpp" in (tmp_path / "out" / "README.md").read_text()


def test_a_mistral_answers_within_its_attention_window(tmp_path: Path) -> None:
    build = build_model("MistralConfig", "MistralForCausalLM", **usual(sliding_window=256))
    prompt = save_random_prompt(tmp_path / "prompt", save_model(tmp_path / "backbone", build), max_target_tokens=3)
    assert exported(prompt, ExportOptions("gguf"), tmp_path / "out").same_answers == len(ROWS)
    assert fields(tmp_path / "out" / "out.gguf")["llama.context_length"] == 256


def test_weights_of_eight_bits_leave_the_virtual_tokens_as_they_are(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama, max_target_tokens=3)
    exported(prompt, ExportOptions("gguf", "q8_0"), tmp_path / "out")
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "out" / "out.gguf").tensors}
    table = tensors["token_embd.weight"]
    assert tensors["blk.0.ffn_up.weight"].tensor_type == Type.Q8_0 and table.tensor_type == Type.F16
    rows = dequantize(table.data, table.tensor_type)[-4:]
    np.testing.assert_allclose(rows, load_prompt(prompt).virtual_tokens.numpy(), rtol=1e-3)


@pytest.mark.parametrize("chat", [False, True])
def test_the_prompt_stands_first_and_llama_cpp_adds_no_token_of_its_own(chat: bool, tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "qwen3")
    begin_with_bos(backbone)
    set_chat_template(backbone, "</s>" + CHATML)
    prompt = save_random_prompt(tmp_path / "prompt", backbone, chat=chat, max_target_tokens=3)
    assert exported(prompt, ExportOptions("gguf"), tmp_path / "out").same_answers == len(ROWS)
    stored = fields(tmp_path / "out" / "out.gguf")
    assert stored["tokenizer.ggml.add_bos_token"] is False
    names = "<|lamp_00|><|lamp_01|><|lamp_02|><|lamp_03|>"
    if chat:
        assert f"{names}</s>{CHATML}" in stored["tokenizer.chat_template"]
    else:
        assert f'"{names}</s>text: {{text}}' in (tmp_path / "out" / "README.md").read_text()


def test_a_chat_with_the_file_of_a_plain_prompt_reads_the_message_as_the_text(tiny_llama: Path, tmp_path: Path) -> None:
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama, max_target_tokens=3)
    exported(prompt, ExportOptions("gguf"), tmp_path / "out")
    names = "<|lamp_00|><|lamp_01|><|lamp_02|><|lamp_03|>"
    asked: list[list[dict[str, Any]]] = [
        [{"prompt": names + row.text} for row in ROWS],
        [{"messages": messages_of(row.text)} for row in ROWS],
    ]
    texts, chats = (list(llama_answers(tmp_path / "out" / "out.gguf", requests, 3, 256)) for requests in asked)
    assert [text.rstrip("\ufffd") for text in texts] == chats and len(set(chats)) > 1


@pytest.mark.parametrize("packed", ["q4_0", "q8_0"])
def test_a_gguf_file_of_the_backbone_keeps_its_weights_and_gets_rows_that_are_not_packed(
    packed: str, tiny_llama: Path, tmp_path: Path
) -> None:
    base = packed_base(tiny_llama, tmp_path, Type[packed.upper()])
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama, max_target_tokens=3)
    exported(prompt, ExportOptions("gguf", base=base), tmp_path / "out")
    before, after = (
        {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
        for file in (base, tmp_path / "out" / "out.gguf")
    )
    for name in before.keys() - {"token_embd.weight"}:
        assert after[name].tensor_type == before[name].tensor_type
        assert np.array_equal(after[name].data, before[name].data)
    old, new = before["token_embd.weight"], after["token_embd.weight"]
    assert (old.tensor_type, new.tensor_type) == (Type[packed.upper()], Type.F16)
    rows = dequantize(new.data, new.tensor_type)
    np.testing.assert_allclose(rows[: old.shape[1]], dequantize(old.data, old.tensor_type), atol=1e-3)
    np.testing.assert_allclose(rows[-4:], load_prompt(prompt).virtual_tokens.numpy(), rtol=1e-3)
    head = after["output.weight"]  # the base took it from the packed table
    assert np.array_equal(head.data[: len(old.data)], old.data) and head.tensor_type == old.tensor_type
    stored = fields(tmp_path / "out" / "out.gguf")
    assert stored["tokenizer.ggml.tokens"][-4:] == [f"<|lamp_{number:02d}|>" for number in range(4)]
    assert stored["llama.vocab_size"] == len(stored["tokenizer.ggml.tokens"]) == len(rows)


def packed_base(backbone: Path, folder: Path, kind: Type) -> Path:
    """A GGUF file of a backbone as others make them: packed, and with the output layer in the table of embeddings."""
    prompt = save_random_prompt(folder / "other", backbone)
    exported(prompt, ExportOptions("gguf", "q8_0"), folder / "base")
    reader = gguf.GGUFReader(folder / "base" / "base.gguf")
    writer = gguf.GGUFWriter(folder / "packed.gguf", "llama")
    rows = len(fields(folder / "base" / "base.gguf")["tokenizer.ggml.tokens"]) - 4
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = field.contents()
        value = value[:rows] if field.name in ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type") else value
        value = rows if field.name == "llama.vocab_size" else value
        writer.add_key_value(
            field.name, value, field.types[0], field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        )
    for tensor in reader.tensors:
        if tensor.name == "token_embd.weight":
            packed = quantize(dequantize(tensor.data, tensor.tensor_type)[:rows], kind)
            writer.add_tensor(tensor.name, packed, raw_dtype=kind)
        elif tensor.name != "output.weight":
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder / "packed.gguf"


def test_a_gguf_file_of_another_model_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    other = save_family(tmp_path / "other", "llama, llama3 rotary")
    exported(save_random_prompt(tmp_path / "first", other), ExportOptions("gguf"), tmp_path / "base")
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    torch.manual_seed(1)
    build = build_model("LlamaConfig", "LlamaForCausalLM", **usual(initializer_range=0.3))
    strange = save_random_prompt(tmp_path / "strange", save_model(tmp_path / "strange-model", lambda rows: build(rows)))
    assert load_prompt(prompt)
    with pytest.raises(BackboneError, match="is not the model that the prompt was trained for"):
        exported(strange, ExportOptions("gguf", base=shuffled(tmp_path / "base" / "base.gguf")), tmp_path / "out")


def shuffled(file: Path) -> Path:
    """The file with the rows of its table of embeddings in the opposite order."""
    reader = gguf.GGUFReader(file, "r+")
    table = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    table.data[:] = table.data[::-1].copy()
    reader.data.flush()
    return file


def test_a_file_that_is_no_gguf_file_is_one_sentence(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_bytes(b"GGUF and no more")
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    with pytest.raises(BackboneError, match="is not a whole GGUF file"):
        exported(prompt, ExportOptions("gguf", base=tmp_path / "base.gguf"), tmp_path / "out")


def test_a_file_that_llama_cpp_cannot_run_is_not_exported(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = exporting.write_gguf_file

    def cut_short(*arguments: Any) -> None:
        write(*arguments)
        file = arguments[5]
        file.write_bytes(file.read_bytes()[:-20_000])

    monkeypatch.setattr(exporting, "write_gguf_file", cut_short)
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    with pytest.raises(BackboneError, match=r"llama\.cpp cannot run the GGUF file"):
        exported(prompt, ExportOptions("gguf"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_where_llama_cpp_is_not_installed_the_file_says_that_it_was_not_compared(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "is_installed", lambda: False)
    prompt = save_random_prompt(tmp_path / "prompt", tiny_llama)
    assert not exported(prompt, ExportOptions("gguf"), tmp_path / "out").is_proven
    assert "**Not compared:** llama.cpp is not installed here" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("kind", [Type.F16, Type.Q8_0, Type.Q4_0])
def test_further_rows_of_an_output_layer_never_have_the_largest_logit(kind: Type) -> None:
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(64, 32)) - 0.5).astype(np.float32)
    head = type("Tensor", (), {"data": quantize(values, kind), "tensor_type": kind})
    rows = dequantize(_with_low_rows(head, 3), kind)
    states = rng.normal(size=(2000, 32)).astype(np.float32)
    logits = states @ rows.T
    assert rows.shape == (67, 32)
    assert (logits[:, 64:].max(axis=1) < logits[:, :64].max(axis=1)).all()


def test_rows_in_a_type_that_can_only_be_read_are_the_stored_one_nearest_to_the_mean() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, size=(16, gguf.GGML_QUANT_SIZES[Type.Q6_K][1]), dtype=np.uint8)
    blocks[:, -2:] = np.array([0.01], np.float16).view(np.uint8)
    head = type("Tensor", (), {"data": blocks, "tensor_type": Type.Q6_K})
    rows = _with_low_rows(head, 2)
    assert np.array_equal(rows[:16], blocks) and np.array_equal(rows[16], rows[17])
    values = dequantize(rows, Type.Q6_K)
    distances = np.square(values[:16] - values[:16].mean(axis=0)).sum(axis=1)
    assert np.array_equal(rows[16], blocks[distances.argmin()])


def test_only_ways_to_split_a_text_that_llama_cpp_has_are_converted() -> None:
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    both = {"type": "Sequence", "pretokenizers": [digits, level]}
    assert pre_tokenizer({"pre_tokenizer": level}) == "gpt-2"
    assert pre_tokenizer({"pre_tokenizer": both}) == "smollm"
    assert pre_tokenizer({"pre_tokenizer": level, "normalizer": {"type": "Lowercase"}}) is None
    assert pre_tokenizer({"pre_tokenizer": {"type": "Metaspace"}}) is None
    assert pre_tokenizer({"pre_tokenizer": {**level, "add_prefix_space": True}}) is None


def test_ollama_gets_a_modelfile_whose_template_writes_what_training_saw(tmp_path: Path) -> None:
    backbone = save_family(tmp_path / "backbone", "qwen3")
    set_chat_template(backbone)
    prompt = save_random_prompt(tmp_path / "prompt", backbone, chat=True, max_target_tokens=3)
    exported(prompt, ExportOptions("ollama"), tmp_path / "out")
    text = (tmp_path / "out" / "Modelfile").read_text()
    names = "<|lamp_00|><|lamp_01|><|lamp_02|><|lamp_03|>"
    assert text.startswith(f'FROM ./out.gguf\nTEMPLATE """{names}<|im_start|>user\n')
    assert "PARAMETER temperature 0\nPARAMETER num_predict 3\n" in text
    assert (tmp_path / "out" / "out.gguf").is_file()

    tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
    chat = chat_affixes(tokenizer, "x")
    vocabulary = virtual_vocabulary("x", str(backbone), 4, chat, encoder_decoder=False)
    turns = [{"role": role, "content": word} for role, word in (("user", "a"), ("assistant", "b"), ("user", "c"))]
    wanted = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert in_go(template(vocabulary, tokenizer, chat), turns) == names + wanted


def in_go(text: str, messages: list[dict[str, str]]) -> str:
    """What Go makes of the one form of template that Modelfiles of chats get."""
    before, loop = text.split("{{ range .Messages }}")
    user, assistant = loop.removesuffix("{{ end }}{{ end }}").split('{{ else if eq .Role "assistant" }}')
    parts = {"user": user.removeprefix('{{ if eq .Role "user" }}'), "assistant": assistant}
    return before + "".join(parts[turn["role"]].replace("{{ .Content }}", turn["content"]) for turn in messages)


def test_plain_text_and_braces_stand_in_a_modelfile_as_they_are(tiny_llama: Path) -> None:
    vocabulary = virtual_vocabulary("x", str(tiny_llama), 1, ChatAffixes(), encoder_decoder=False)
    assert 'TEMPLATE """<|lamp_00|>{{ .Prompt }}"""' in modelfile("m.gguf", vocabulary, None, ChatAffixes(), 8)
    strange = ChatAffixes('{{ x }} """', "")
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_llama)
    text = modelfile("m.gguf", vocabulary, tokenizer, strange, 8)
    assert text.count('"""') == 2 and json.dumps("{{ x }} ")[1:-1] in text


def test_the_gguf_export_is_whole_or_not_there(tiny_llama: Path, tmp_path: Path) -> None:
    def interrupted(part: str, share: float) -> None:
        if part == "Writing the model" and share > 0:
            raise KeyboardInterrupt

    saved = load_prompt(save_random_prompt(tmp_path / "prompt", tiny_llama))
    with pytest.raises(KeyboardInterrupt):
        export_prompt(saved, str(tiny_llama), 1000, ExportOptions("gguf"), tmp_path / "out", ROWS, interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["prompt"]
