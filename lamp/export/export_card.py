"""The README of an export: what it is, how to use it, and how its answers compare with the studio's."""

from __future__ import annotations

import json

from lamp.data.chat import ChatAffixes
from lamp.data.columns import Template
from lamp.export.comparison import Comparison
from lamp.export.markdown import code, plain
from lamp.export.options import ExportOptions
from lamp.export.saved_prompt import SavedPrompt
from lamp.export.virtual_vocabulary import VirtualVocabulary

_MERGED_LINES = """from transformers import {auto}, AutoTokenizer

folder = "path/of/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {auto}.from_pretrained(folder, dtype="auto")

text = {example}
inputs = {inputs}
output = model.generate(inputs)[0]
print(tokenizer.decode({answer}, skip_special_tokens=True))"""
_CHAT_INPUTS = """tokenizer.apply_chat_template(
    [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)["input_ids"]"""
_PLAIN_INPUTS = 'tokenizer(text, return_tensors="pt")["input_ids"]'
_VLLM_LINES = """import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import LLM, SamplingParams

base = {base}
tokenizer = AutoTokenizer.from_pretrained(base)
embed = AutoModelForCausalLM.from_pretrained(base).get_input_embeddings()
ids = tokenizer({example}, return_tensors="pt"{special}).input_ids
rows = torch.cat([load_file("prompt.safetensors")["prompt_embeds"], embed(ids)[0].detach()])
llm = LLM(base, enable_prompt_embeds=True)
answer = llm.generate({{"prompt_embeds": rows}}, SamplingParams(temperature=0, max_tokens={new_tokens}))
print(answer[0].outputs[0].text)"""
_ENCODER_LINES = """import torch
from safetensors.torch import load_file
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DynamicCache, EncoderDecoderCache

base = {base}
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForSeq2SeqLM.from_pretrained(base)
ids = tokenizer({example}, return_tensors="pt").input_ids
rows = torch.cat([load_file("prompt.safetensors")["prompt_embeds"], model.get_input_embeddings()(ids)[0].detach()])
cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
answer = model.generate(inputs_embeds=rows[None], max_new_tokens={new_tokens}, past_key_values=cache)
print(tokenizer.decode(answer[0], skip_special_tokens=True))"""


def export_card(
    saved: SavedPrompt,
    options: ExportOptions,
    vocabulary: VirtualVocabulary | None,
    chat: ChatAffixes,
    comparison: Comparison,
    *,
    encoder_decoder: bool,
) -> str:
    """Returns the README in Markdown.

    vocabulary: None for embeddings; chat: the text around every input in training.
    """
    data = saved.config.data
    example = Template.of(data).render({column: f"{{{column}}}" for column in data.input_columns})
    count = len(saved.virtual_tokens)
    body = (
        _embeddings(saved, example, chat, encoder_decoder=encoder_decoder)
        if vocabulary is None
        else _gguf(options, vocabulary, example, chat)
        if options.is_gguf
        else _merged(vocabulary, example, chat, encoder_decoder=encoder_decoder)
    )
    labels = f"\nThe labels are {', '.join(map(code, saved.labels))}.\n" if saved.labels else ""
    title = f"{data.target_column} from {', '.join(data.input_columns)}"
    return (
        f"# {plain(title)}\n\n"
        f"A soft prompt of {count} virtual tokens for {code(saved.config.backbone)}, exported by LAMP Studio. "
        f"The licence of that model holds for this export as well.\n\n{comparison.sentence()}\n\n{body}\n"
        f"Write the input in the form of the example: the prompt was trained on it. An answer has at most "
        f"{data.max_target_tokens} tokens.\n{labels}"
    )


def _merged(vocabulary: VirtualVocabulary, example: str, chat: ChatAffixes, *, encoder_decoder: bool) -> str:
    lines = _MERGED_LINES.format(
        auto="AutoModelForSeq2SeqLM" if encoder_decoder else "AutoModelForCausalLM",
        example=json.dumps(example, ensure_ascii=False),
        inputs=_CHAT_INPUTS if any(chat) else _PLAIN_INPUTS,
        answer="output" if encoder_decoder else "output[inputs.shape[1]:]",
    )
    names = f"`{vocabulary.names[0]}` to `{vocabulary.names[-1]}`"
    where = (
        "The chat template writes them before everything else, as in training; text that is not a chat gets no prompt."
        if any(chat)
        else "The tokenizer puts them before everything else that it makes of a text, as in training."
    )
    chats = (
        " The chat template writes the last message as such a text."
        if vocabulary.chat_template and not any(chat)
        else ""
        if any(chat)
        else " There is no chat template: none can write what training saw."
    )
    return (
        f"The whole model, whose vocabulary has tokens for the prompt: {names}. {where}{chats} The output layer has "
        "rows of its own for them (the mean of the vocabulary's, which is never the largest), and "
        "`generation_config.json` asks for the likeliest tokens and rules these out. transformers needs nothing else. "
        "vLLM, TGI and SGLang read such folders as well, but were not tried: ask them for temperature 0."
        f"\n\n```python\n{lines}\n```\n"
    )


def _gguf(options: ExportOptions, vocabulary: VirtualVocabulary, example: str, chat: ChatAffixes) -> str:
    weights = "in the types of the file it was made from" if options.base else f"in {options.type_name.upper()}"
    how = (
        "The chat template in the file writes the prompt before everything else: chat with it as with any model."
        if any(chat)
        else "The chat template in the file writes the prompt before the last message."
        if vocabulary.chat_template
        else "Begin every text with the prompt."
    )
    text = json.dumps(vocabulary.before + example + vocabulary.after, ensure_ascii=False)
    plain = "" if any(chat) else f"\n\nWithout a chat, the whole text is\n\n```json\n{text}\n```"
    ollama = (
        "\n\n```sh\nollama create my-prompt -f Modelfile\nollama run my-prompt\n```"
        if options.format == "ollama"
        else ""
    )
    turns = (
        " The Modelfile's template knows user and assistant; a system message is left out."
        if options.format == "ollama" and any(chat)
        else ""
    )
    return (
        f"The whole model in one file, with weights {weights}; the table of embeddings, which holds the prompt, is not "
        f"packed in fewer than 16 bits. {how}{turns} Ask for temperature 0. An example of an input:\n\n"
        f"```json\n{json.dumps(example, ensure_ascii=False)}\n```{plain}{ollama}\n"
    )


def _embeddings(saved: SavedPrompt, example: str, chat: ChatAffixes, *, encoder_decoder: bool) -> str:
    lines = (_ENCODER_LINES if encoder_decoder else _VLLM_LINES).format(
        base=json.dumps(saved.config.backbone),
        example=json.dumps(chat.prefix + example + chat.suffix, ensure_ascii=False),
        special=", add_special_tokens=False" if any(chat) else "",
        new_tokens=saved.config.data.max_target_tokens,
    )
    return (
        "`prompt.safetensors` (`prompt_embeds`) and `prompt.npy` hold the vectors, in float32. They stand before the "
        "embeddings of the input, as the model's layers get them: where a model scales its embeddings, these are "
        f"scaled already, and the engine must not do it again.\n\n```python\n{lines}\n```\n"
    )
