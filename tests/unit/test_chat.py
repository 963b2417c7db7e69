"""An instruct model is addressed as its chat template wants it, in training, in answers and in the exported card."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from peft import PeftModel
from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

from app.answering.answer import Request
from app.answering.predictor import Predictor
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import make_prefix
from lamp.config import DataConfig
from lamp.data.chat import chat_affixes, chat_pieces
from lamp.data.encoding import Encoder
from lamp.data.splits import Example
from lamp.errors import BackboneError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.hub.backbone_files import has_chat_template
from lamp.inference.predict import predict
from tests.tiny import save_tiny
from tests.unit.training import recipe, run

TEMPLATE = (
    "{% for message in messages %}question : {{ message['content'] | trim }} .\n{% endfor %}"
    "{% if add_generation_prompt %}answer :{% endif %}"
)
CHAT = DataConfig(("text",), "label", input_format="chat")


@pytest.fixture(scope="module")
def instruct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny(tmp_path_factory.mktemp("backbones") / "instruct", "llama")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def test_a_template_that_only_knows_lists_of_parts_is_used_and_one_that_drops_the_message_is_refused(
    instruct: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    tokenizer.chat_template = (
        "{% for message in messages %}User:{% for part in message['content'] %}"
        "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %} . {% endfor %}Assistant:"
    )
    assert chat_affixes(tokenizer, "a/model") == ("User:", " . Assistant:")
    for content in ("message['content'] | upper", "'' if message['content'] is string else message['content']"):
        tokenizer.chat_template = f"{{% for message in messages %}}{{{{ {content} }}}}{{% endfor %}}Assistant:"
        with pytest.raises(BackboneError, match="changes the message: choose plain text"):
            chat_affixes(tokenizer, "a/model")


def test_an_input_is_what_the_tokenizers_own_template_makes_of_it(instruct: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    encoder = Encoder(tokenizer, is_encoder_decoder=False, config=CHAT)
    wanted = tokenizer.apply_chat_template(
        [{"role": "user", "content": "the film was good"}], tokenize=True, add_generation_prompt=True, return_dict=False
    )
    assert encoder.inputs(["the film was good"], [""]) == [tuple(wanted)]
    assert encoder.chat == ("question : ", " .\nanswer :")


def test_the_answer_follows_the_template_without_a_space_of_ours(instruct: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    encoder = Encoder(tokenizer, is_encoder_decoder=False, config=CHAT)
    row = encoder.encode([Example("the film was good", "positive", "")])[0]
    assert tokenizer.decode([*row.input_ids, *row.target_ids]) == "question : the film was good .\nanswer :positive</s>"


def test_a_long_message_loses_its_end_and_neither_the_templates_tail_nor_the_chats(instruct: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    encoder = Encoder(tokenizer, is_encoder_decoder=False, config=replace(CHAT, max_input_tokens=12))
    short, long = encoder.inputs(["text : good\nlabel :", "text : " + "good " * 60 + "\nlabel :"], ["\nlabel :"] * 2)
    assert encoder.truncated == 1
    assert tokenizer.decode(list(short)) == "question : text : good\nlabel : .\nanswer :"
    assert tokenizer.decode(list(long)).startswith("question : text : good good")
    assert tokenizer.decode(list(long)).endswith("good\nlabel : .\nanswer :")


def test_a_chat_prompt_is_trained_exported_and_answers_from_its_card(
    instruct: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(instruct)
    config = replace(config, data=replace(config.data, input_format="chat"))
    result, recorder = run(config, tiny_table, tmp_path / "checkpoints")
    assert recorder.losses[12] < recorder.losses[1]
    exported = tmp_path / "exported"
    exported.mkdir()
    save_prompt(result, config, exported)
    shape = json.loads((exported / "lamp_config.json").read_text())
    assert (shape["chat_before"], shape["chat_after"]) == ("question : ", " .\nanswer :")

    backbone, saved = FrozenBackbone.load(str(instruct), precision="fp32"), load_prompt(exported)
    assert saved.chat == ("question : ", " .\nanswer :")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=saved.config.data)
    ids = encoder.inputs(["text: {text}\nlabel:"], ["label:"])
    code = (exported / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code.replace("path/or/repository/of/this/prompt", str(exported)), names)  # it is the user's own first try
    assert isinstance(names["model"], PeftModel)
    inputs = names["inputs"]
    assert inputs["input_ids"].tolist() == [list(ids[0])]  # type: ignore[index]
    answers = predict(
        backbone, [make_prefix(backbone, saved.virtual_tokens.to(backbone.device))], encoder, ids, saved.labels
    )
    assert set(answers[0].probabilities) == {"positive", "negative"}

    changed = copytree(instruct, tmp_path / "changed")
    (changed / "chat_template.jinja").write_text("something else {{ messages[0]['content'] }} :")
    good = ({"text": "good"},)
    tried = [Predictor().answers(Request(str(exported), str(folder), good))[0] for folder in (instruct, changed)]
    assert tried[0] == tried[1], "the prompt is read as it was trained, though the template has changed"


def test_a_template_that_writes_the_date_writes_the_same_one_on_every_day(
    instruct: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    dates = "{{ strftime_now('%Y-%m-%d') }}, {{ date_string }} "
    tokenizer.chat_template = "\n{% set today = strftime_now('%-d %B %Y') %}{{ today }}, " + dates + TEMPLATE

    class AnotherDay(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> AnotherDay:
            return cls(2031, 1, 2)

    monkeypatch.setattr(chat_template_utils, "datetime", AnotherDay)
    assert chat_affixes(tokenizer, "an/instruct-model").prefix == "\n26 July 2024, 2024-07-26, 26 Jul 2024 question : "


DATED = {
    "gpt-oss": (
        "{%- macro system() %}{{- 'Knowledge cutoff: 2024-06\n' }}"
        "{{- 'Current date: ' + strftime_now('%Y-%m-%d') + '\n' }}"
        "{%- endmacro %}{{- '<|start|>system<|message|>' }}{{- system() }}{{- '<|end|>' }}"
        "{%- for message in messages %}{{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' }}"
        "{%- endfor %}{%- if add_generation_prompt %}<|start|>assistant{% endif %}",
        "Current date: 2024-07-26",
    ),
    "SmolLM3": (
        "{%- set today = strftime_now('%d %B %Y') -%}{%- set mode = '/think' if enable_thinking else '/no_think' -%}"
        "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nToday Date: {{ today }}\n"
        "Reasoning: {{ mode }}"
        "<|im_end|>\n{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "Today Date: 26 July 2024\nReasoning: /no_think",
    ),
    "Granite": (
        "{%- if messages[0]['role'] != 'system' %}{%- set today = strftime_now('%B %d, %Y') %}"
        '<|role|>system<|end|>Knowledge Cutoff Date: April 2024.\n{{ "Today\'s Date: " + today }}.\n{%- endif %}'
        "{%- for message in messages %}<|role|>{{ message.role }}<|end|>{{ message.content }}\n{%- endfor %}"
        "{%- if add_generation_prompt %}<|role|>assistant<|end|>{%- endif %}",
        "Today's Date: July 26, 2024.",
    ),
}
"""Templates that write today's date, shortened from those of three families, and what they write of it."""


@pytest.mark.parametrize("family", DATED)
def test_the_dated_templates_of_known_families_write_one_date_for_a_message_and_for_a_conversation(
    instruct: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    tokenizer.chat_template, dated = DATED[family]

    class AnotherDay(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> AnotherDay:
            return cls(2031, 1, 2)

    before = chat_affixes(tokenizer, "a/model")
    monkeypatch.setattr(chat_template_utils, "datetime", AnotherDay)
    assert chat_affixes(tokenizer, "a/model") == before and dated in before.prefix
    pieces = chat_pieces(tokenizer, ("user", "assistant", "user"))
    assert pieces is not None and len(pieces) == 4 and dated in pieces[0] and "2031" not in "".join(pieces)


def test_a_backbone_without_a_template_is_one_sentence(instruct: Path, tiny_llama: Path) -> None:
    assert has_chat_template(str(instruct)) is True
    assert has_chat_template(str(tiny_llama)) is False
    with pytest.raises(BackboneError, match=r"has no chat template: let it read plain text\.$"):
        Encoder(AutoTokenizer.from_pretrained(tiny_llama), is_encoder_decoder=False, config=CHAT)


@pytest.mark.parametrize(
    "template, sentence",
    [
        ("{{ raise_exception('no') }}", "cannot be used"),
        ("{% for message in messages %}{{ message['content'] | upper }}{% endfor %}", "changes the message"),
        ("{{ 'nothing' }}", "changes the message"),
    ],
)
def test_a_template_that_cannot_be_split_is_one_sentence(instruct: Path, template: str, sentence: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(instruct)
    tokenizer.chat_template = template
    with pytest.raises(BackboneError, match=sentence):
        chat_affixes(tokenizer, "an/instruct-model")
