"""Whole programs that answer one row with an exported prompt, one for each way to use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

from app.answering.prompt_kind import PromptKind
from app.bundle import file_name
from lamp.config import DataConfig
from lamp.data.chat import TEMPLATE_ARGUMENTS
from lamp.data.columns import Template
from lamp.data.conversation import messages_in

PEFT, TRANSFORMERS, COMMAND, API, SERVE = "PEFT", "transformers", "Command line", "HTTP API", "OpenAI client"
WAYS = (PEFT, TRANSFORMERS, COMMAND, API, SERVE)


@dataclass(frozen=True)
class PromptUse:
    """What a program has to know of an exported prompt."""

    run: str
    """Id of the run that trained it"""
    name: str
    """The run's name"""
    backbone: str
    data: DataConfig
    kind: PromptKind
    row: dict[str, str]
    """The row that is answered: a value for each input column"""
    address: str
    """Where the studio is reached"""
    needs_token: bool = False
    """Whether people sign in there, so that a program shows a token"""

    @property
    def folder(self) -> str:
        """What the folder of the unpacked zip is called."""
        return file_name(self.name)


def program(use: PromptUse, way: str) -> str:
    """The program for one of WAYS, which prints the answer to the row."""
    if way == COMMAND:
        row = {**use.row, use.data.target_column: ""}  # a table has two columns at least
        return _COMMAND.format(folder=use.folder, row=json.dumps(row, ensure_ascii=False))
    if way == API:
        address, (needs, shown) = _literal(use.address), (_TOKEN if use.needs_token else ("", ""))
        return _API.format(needs=needs, address=address + shown, run=use.run, row=_literal(use.row))
    if way == SERVE:
        shown = "\nprint(answer.choices[0].label_probabilities)" if use.kind.labels else ""
        return _SERVE.format(folder=use.folder, messages=_literal(messages(use.row)), shown=shown)
    return _python(use, alone=way == TRANSFORMERS)


def messages(row: dict[str, str]) -> list[dict[str, str]]:
    """A row as messages of a chat, as served prompts read them: several columns are one JSON object."""
    cell, *more = row.values()
    if more:
        return [{"role": "user", "content": json.dumps(row, ensure_ascii=False)}]
    turns = messages_in(cell) or [("user", cell)]
    return [{"role": role, "content": text} for role, text in turns]


def _python(use: PromptUse, *, alone: bool) -> str:
    """Answers as the studio does, with PEFT or with transformers alone."""
    row = _literal({column: json.loads(cell) if messages_in(cell) else cell for column, cell in use.row.items()})
    parts = [
        ("# pip install torch transformers" + ("\n" if alone else " peft\n")) + _load(use, use.folder, alone=alone),
        f"row = {row}\n{_input(use)}",
        _EMBED if alone else "",
        *_answering(use, alone),
        "print(max(shares, key=shares.get))\nprint(shares)\n" if use.kind.labels else "print(answer)\n",
    ]
    return "\n".join(filter(None, parts))


def answering_functions(uses: Sequence[PromptUse], folders: Sequence[str]) -> str:
    """Code with transformers alone that loads the backbone of some prompts once, and defines a function for each.

    folders: where the adapter of each prompt lies. `prompt_1()` returns the `answer(row)` of the first: the shares of
    the labels, or a text. A cell of the row is a text, also where it is learned from conversations. What is longer than
    an input may be, which the studio would cut, raises ValueError.
    """
    first = uses[0]
    settings = "" if all(use.kind.labels for use in uses) else ", GenerationConfig"
    load = _LOAD_MODEL.format(auto=first.kind.auto_class, base=_literal(first.backbone), settings=settings)
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
    turns = "".join(_AS_TURN.format(_literal(column)) for column in talks)
    longest = _LONGEST.format(parts=_literal([part for part in use.kind.chat if part]), most=use.data.max_input_tokens)
    body = turns + _input(use) + _CHECK + each + f"return {'shares' if use.kind.labels else 'answer'}\n"
    answer = f"\ndef answer(row):\n{indent(body, '    ')}\nreturn answer\n"
    return "\n".join((_LOAD_PROMPT.format(folder=folder), _EMBED, once + longest, answer))


def _load(use: PromptUse, folder: str, *, alone: bool) -> str:
    """The model and the prompt of a folder."""
    return (_LOAD_MODEL + _LOAD_PROMPT if alone else _LOAD_PEFT).format(
        auto=use.kind.auto_class,
        base=_literal(use.backbone),
        folder=folder,
        settings="" if use.kind.labels else ", GenerationConfig",
    )


def _input(use: PromptUse) -> str:
    """From a row to the token ids of its input."""
    special = ", add_special_tokens=False" if any(use.kind.chat) else ""
    return _INPUT.format(text=_turns(use) or _rendered(use), special=special)


def _answering(use: PromptUse, alone: bool) -> tuple[str, str]:
    """What is made once, and how each input is answered then."""
    return _labels(use, alone) if use.kind.labels else _text(use, alone)


def _turns(use: PromptUse) -> str:
    """The expression that makes an input of a row which is a conversation and nothing else; "" for other rows."""
    template = Template.of(use.data)
    if not template.keeps_turns or messages_in(use.row[template.pairs[0][1]]) is None:
        return ""
    arguments = {"tokenize": False, "add_generation_prompt": True, **TEMPLATE_ARGUMENTS}
    return _TURNS.format(
        turns=f"row[{_literal(template.pairs[0][1])}]",
        arguments="".join(f"    {name}={value!r},\n" for name, value in arguments.items()).replace("'", '"'),
    )


def _rendered(use: PromptUse) -> str:
    """The expression that makes an input of a row, as the recipe's template does."""
    template, (before, after) = Template.of(use.data), use.kind.chat
    pieces, literal = [], before
    for text, column in template.pairs:
        cell = f"row[{_literal(column)}]"
        pieces += [_literal(literal + text), _LINES.format(cell) if messages_in(use.row[column]) else f"{cell}.strip()"]
        literal = ""
    return " + ".join(piece for piece in (*pieces, _literal(literal + template.suffix + after)) if piece != '""')


def _labels(use: PromptUse, alone: bool) -> tuple[str, str]:
    """The likeliest label: where labels differ, the model's probabilities of what can follow there are compared."""
    if use.kind.encoder_decoder:
        lead, ids = "", "tokenizer(label).input_ids"
        ids = f"{ids} if {ids}[-1] == tokenizer.eos_token_id else [*{ids}, tokenizer.eos_token_id]"
        given = "inputs_embeds=embed(ids)" if alone else "input_ids=ids"
        mask = "" if alone else ", attention_mask=torch.ones_like(ids)"
        read = f"        logits = model({given}{mask}, labels=torch.tensor([answer])).logits[0]\n"
    else:
        start, space = (use.kind.chat[1], "") if any(use.kind.chat) else (":", " ")
        lead = f"lead = tokenizer({_literal(start)}, add_special_tokens=False).input_ids\n"
        behind = f"tokenizer({_literal(start + space)} + label, add_special_tokens=False).input_ids"
        ids = f"[*{behind}[len(lead):], tokenizer.eos_token_id]"
        given = "inputs_embeds=embed(both)" if alone else "input_ids=both, attention_mask=torch.ones_like(both)"
        read = (
            "        both = torch.cat([ids, torch.tensor([answer[:-1]], dtype=torch.long)], dim=1)\n"
            f"        logits = model({given}).logits[0, -len(answer):]\n"
        )
    return _LABELS.format(labels=_literal(list(use.kind.labels)), lead=lead, ids=ids), _SHARES.format(read=read)


def _text(use: PromptUse, alone: bool) -> tuple[str, str]:
    """The likeliest text, whatever else the model's own settings ask for."""
    given = "inputs_embeds=embed(ids)" if alone else "input_ids=ids, attention_mask=torch.ones_like(ids)"
    whole = use.kind.encoder_decoder or alone  # whether the output is the answer alone
    settings = _GENERATION.format(
        most=use.data.max_target_tokens,
        start="\n    decoder_start_token_id=own.decoder_start_token_id," if use.kind.encoder_decoder else "",
        owner="model" if alone else "model.base_model",
    )
    return settings, _TEXT.format(given=given, answer="output[0]" if whole else "output[0, ids.shape[1]:]")


def _literal(value: object) -> str:
    """The value as Python writes it, with double quotation marks."""
    return json.dumps(value, ensure_ascii=False)


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
_COMMAND = """# In the studio's folder, or anywhere after "pip install ." in it
python -m zipfile -e {folder}.zip {folder}
cat > rows.jsonl <<'END'
{row}
END
python -m lamp predict {folder} --data rows.jsonl
"""
_SERVE = """# In a terminal, in the studio's folder, or anywhere after "pip install ." in it:
#   python -m zipfile -e {folder}.zip {folder}
#   python -m lamp serve {folder}
# pip install openai
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
messages = {messages}
answer = client.chat.completions.create(model="{folder}", messages=messages)
print(answer.choices[0].message.content){shown}
"""
_TOKEN = (
    "import os\n\n",
    ', headers={"Authorization": "Bearer " + os.environ["STUDIO_TOKEN"]}',  # made on the Access page
)
"""What is needed, and how it is shown, where people sign in."""
_API = """# pip install gradio_client
{needs}from gradio_client import Client

studio = Client({address})
row = {row}
answers = studio.predict("{run}", [row], api_name="/try")
print(answers[0]["tuned"])
"""
