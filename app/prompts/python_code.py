"""Python code that answers one row with an exported prompt, in PEFT or in transformers alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import indent

from app.prompts.prompt_use import PromptUse, literal
from lamp.data.chat import TEMPLATE_ARGUMENTS
from lamp.data.columns import Template
from lamp.data.conversation import messages_in


def python_program(use: PromptUse, *, alone: bool) -> str:
    """Returns a program that answers as the studio does. alone: with transformers alone instead of PEFT."""
    row = literal({column: json.loads(cell) if messages_in(cell) else cell for column, cell in use.row.items()})
    parts = [
        ("# pip install torch transformers" + ("\n" if alone else " peft\n")) + _load(use, use.folder, alone=alone),
        f"row = {row}\n{_input(use)}",
        _EMBED if alone else "",
        *_answering(use, alone),
        "print(max(shares, key=shares.get))\nprint(shares)\n" if use.kind.labels else "print(answer)\n",
    ]
    return "\n".join(filter(None, parts))


def answering_functions(uses: Sequence[PromptUse], folders: Sequence[str]) -> str:
    """Returns code with transformers alone that loads some prompts' backbone once and has a function for each.

    folders: of the adapters. `prompt_1()` returns the `answer(row)` of the first: the shares of the labels, or a text.
    A cell of the row is a text, also if it was learned from conversations. Inputs that are too long, which the studio
    would cut, raise ValueError.
    """
    first = uses[0]
    settings = _imports(first, labels=all(use.kind.labels for use in uses))
    load = _LOAD_MODEL.format(auto=first.kind.auto_class, base=literal(first.backbone), settings=settings)
    parts = [
        f"\ndef prompt_{number}():\n{indent(_answering_function(use, folder), '    ')}"
        for number, (use, folder) in enumerate(zip(uses, folders, strict=True), start=1)
    ]
    return "\n".join((load, *parts))


def _answering_function(use: PromptUse, folder: str) -> str:
    once, each = _answering(use, alone=True)
    if not use.kind.labels:  # each prompt has settings of its own, for the one model
        once, owned = (
            once.replace("model.generation_config = Gen", "settings = Gen"),
            "model.generation_config = settings\n",
        )
        each = owned + each
    talks = [column for column, cell in use.row.items() if messages_in(cell)]
    turns = "".join(_AS_TURN.format(literal(column)) for column in talks)
    longest = _LONGEST.format(parts=literal([part for part in use.kind.chat if part]), most=use.data.max_input_tokens)
    body = turns + _input(use) + _CHECK + each + f"return {'shares' if use.kind.labels else 'answer'}\n"
    answer = f"\ndef answer(row):\n{indent(body, '    ')}\nreturn answer\n"
    return "\n".join((_LOAD_PROMPT.format(folder=folder), _EMBED, once + longest, answer))


def _load(use: PromptUse, folder: str, *, alone: bool) -> str:
    """Returns code that loads the model and the prompt from a folder."""
    return (_LOAD_MODEL + _LOAD_PROMPT if alone else _LOAD_PEFT).format(
        auto=use.kind.auto_class,
        base=literal(use.backbone),
        folder=folder,
        settings=_imports(use, labels=bool(use.kind.labels)),
    )


def _imports(use: PromptUse, *, labels: bool) -> str:
    """Returns the further names to import from transformers: those that writing texts needs, none for labels alone."""
    cache = "DynamicCache, EncoderDecoderCache, " if use.kind.encoder_decoder else ""
    return "" if labels else f", {cache}GenerationConfig"


def _input(use: PromptUse) -> str:
    """Returns code that turns a row into the token ids of its input."""
    special = ", add_special_tokens=False" if any(use.kind.chat) else ""
    return _INPUT.format(text=_turns(use) or _rendered(use), special=special)


def _answering(use: PromptUse, alone: bool) -> tuple[str, str]:
    """Returns code that runs once, and code that answers each input."""
    return _labels(use, alone) if use.kind.labels else _text(use, alone)


def _turns(use: PromptUse) -> str:
    """Returns an expression for the input of a row that consists of one conversation; "" for other rows."""
    template = Template.of(use.data)
    if not template.keeps_turns or messages_in(use.row[template.pairs[0][1]]) is None:
        return ""
    arguments = {"tokenize": False, "add_generation_prompt": True, **TEMPLATE_ARGUMENTS}
    return _TURNS.format(
        turns=f"row[{literal(template.pairs[0][1])}]",
        arguments="".join(f"    {name}={value!r},\n" for name, value in arguments.items()).replace("'", '"'),
    )


def _rendered(use: PromptUse) -> str:
    """Returns an expression for the input of a row, equal to the recipe's template."""
    template, (before, after) = Template.of(use.data), use.kind.chat
    pieces, fixed = [], before
    for text, column in template.pairs:
        cell = f"row[{literal(column)}]"
        pieces += [literal(fixed + text), _LINES.format(cell) if messages_in(use.row[column]) else f"{cell}.strip()"]
        fixed = ""
    return " + ".join(piece for piece in (*pieces, literal(fixed + template.suffix + after)) if piece != '""')


def _labels(use: PromptUse, alone: bool) -> tuple[str, str]:
    """Returns code for the likeliest label.

    Where labels differ, it compares the model's probabilities of the tokens that can follow.
    """
    if use.kind.encoder_decoder:
        lead, ids = "", "tokenizer(label).input_ids"
        ids = f"{ids} if {ids}[-1] == tokenizer.eos_token_id else [*{ids}, tokenizer.eos_token_id]"
        given = "inputs_embeds=embed(ids)" if alone else "input_ids=ids"
        mask = "" if alone else ", attention_mask=torch.ones_like(ids)"
        read = f"        logits = model({given}{mask}, labels=torch.tensor([answer])).logits[0]\n"
    else:
        start, space = (use.kind.chat[1], "") if any(use.kind.chat) else (":", " ")
        lead = f"lead = tokenizer({literal(start)}, add_special_tokens=False).input_ids\n"
        behind = f"tokenizer({literal(start + space)} + label, add_special_tokens=False).input_ids"
        ids = f"[*{behind}[len(lead):], tokenizer.eos_token_id]"
        given = "inputs_embeds=embed(both)" if alone else "input_ids=both, attention_mask=torch.ones_like(both)"
        read = (
            "        both = torch.cat([ids, torch.tensor([answer[:-1]], dtype=torch.long)], dim=1)\n"
            f"        logits = model({given}).logits[0, -len(answer):]\n"
        )
    return _LABELS.format(labels=literal(list(use.kind.labels)), lead=lead, ids=ids), _SHARES.format(read=read)


def _text(use: PromptUse, alone: bool) -> tuple[str, str]:
    """Returns code for the greedy text, without the model's own generation settings."""
    given = "inputs_embeds=embed(ids)" if alone else "input_ids=ids, attention_mask=torch.ones_like(ids)"
    cache = "past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache())"
    given += f", {cache}" if use.kind.encoder_decoder else ""  # T5's own would count the layers of its encoder
    whole = use.kind.encoder_decoder or alone  # whether the output is the answer alone
    settings = _GENERATION.format(
        most=use.data.max_target_tokens,
        start="\n    decoder_start_token_id=own.decoder_start_token_id," if use.kind.encoder_decoder else "",
        owner="model" if alone else "model.base_model",
    )
    return settings, _TEXT.format(given=given, answer="output[0]" if whole else "output[0, ids.shape[1]:]")


_LOAD_PEFT = """import torch
from peft import PeftModel
from transformers import {auto}, AutoTokenizer{settings}

base = {base}
tokenizer = AutoTokenizer.from_pretrained(base)
model = {auto}.from_pretrained(base)
model = PeftModel.from_pretrained(model, "{folder}").eval()  # the folder of the unpacked zip
"""
_LOAD_MODEL = """import torch
from safetensors.torch import load_file
from transformers import {auto}, AutoTokenizer{settings}

base = {base}
tokenizer = AutoTokenizer.from_pretrained(base)
model = {auto}.from_pretrained(base).eval()
"""
_LOAD_PROMPT = """# The virtual tokens, from the folder of the unpacked zip: (tokens, width of the model)
prompt = load_file("{folder}/adapter_model.safetensors")["prompt_embeddings"]
"""
_INPUT = """text = {text}
ids = tokenizer(text, return_tensors="pt"{special}).input_ids
"""
_LONGEST = """longest = {most} + sum(len(tokenizer(part, add_special_tokens=False).input_ids) for part in {parts})
"""
_CHECK = """if ids.shape[1] > longest:
    raise ValueError(f"Shorten this: it has {ids.shape[1]} tokens, and the prompt was made for {longest} at most.")
"""
_TURNS = """tokenizer.apply_chat_template(
    {turns},
{arguments})
assert all(turn["content"].strip() in text for turn in {turns}), "The chat format cannot hold these turns.\""""
_AS_TURN = """row = {{**row, {0}: [{{"role": "user", "content": row[{0}]}}]}}
"""
_LINES = """"\\n".join(f"{{turn['role']}}:\\n{{turn['content']}}" for turn in {})"""
_EMBED = """def embed(ids):
    words = model.get_input_embeddings()(ids)
    return torch.cat([prompt.to(words)[None], words], dim=1)

"""
_LABELS = """labels = {labels}
{lead}answers = {{}}
for label in labels:
    answers[label] = {ids}
"""
_SHARES = """shares = {{}}
with torch.no_grad():
    for label, answer in answers.items():
{read}        shares[label] = 1.0
        for place, token in enumerate(answer):  # only the labels' own tokens compete
            rivals = sorted({{other[place] for other in answers.values() if other[:place] == answer[:place]}})
            shares[label] *= logits[place, rivals].float().softmax(0)[rivals.index(token)].item()
"""
_GENERATION = """own = {owner}.generation_config
ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
ends = [token for token in dict.fromkeys([tokenizer.eos_token_id, *ends]) if token is not None]
{owner}.generation_config = GenerationConfig(  # nothing but the likeliest text
    max_new_tokens={most},
    eos_token_id=ends,
    pad_token_id=ends[0],{start}
)
"""
_TEXT = """output = model.generate({given})
answer = tokenizer.decode({answer}, skip_special_tokens=True).strip()
"""
