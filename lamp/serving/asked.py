"""What a request asks for, read from its JSON body."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lamp.data.conversation import to_cell
from lamp.inference.growing_answer import TextInput
from lamp.sampling import Sampling
from lamp.serving.fields import Fields
from lamp.serving.prompts import ServedPrompt, ServedPrompts
from lamp.serving.refusal import Refusal, wrong
from lamp.text_limits import text_problem

_COMMON = frozenset(
    {"model", "temperature", "top_p", "seed", "stop", "max_tokens", "stream", "stream_options", "logprobs"}
)
_CHAT = _COMMON | {"messages", "max_completion_tokens", "top_logprobs"}
_COMPLETION = _COMMON | {"prompt"}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_MOST_STOPS, _LONGEST_STOP = 4, 1_000
_MOST_PROMPTS = 64
_MOST_MESSAGES = 1_000
_LONGEST_TEXT = 1_000_000
_LONGEST_ANSWER = 4_096
_HIGHEST_SEED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Asked:
    """A request that can be answered."""

    prompt: ServedPrompt
    rows: tuple[Mapping[str, str], ...]
    """A value for each column that the prompt reads; one row for each choice of the answer."""
    sampling: Sampling
    """With a seed of its own, also where none was given."""
    stops: tuple[str, ...]
    top: int | None
    """How many of the likeliest tokens are told at each place; None: no probabilities of tokens are."""
    stream: bool
    include_usage: bool
    """Whether a stream ends with its usage."""

    def inputs(self, prompts: ServedPrompts) -> list[TextInput]:
        """The rows as token ids behind the prompt. Raises a Refusal for what does not fit the backbone."""
        prompt, backbone = self.prompt, prompts.backbone
        limit = self.sampling.longest_answer or prompt.saved.config.data.max_target_tokens
        inputs = [
            TextInput(prompt.prefix, ids, limit, self.sampling, self.stops, self.top)
            for ids in prompts.encode(prompt, self.rows)
        ]
        longest = max(len(given.ids) for given in inputs) + prompt.virtual_tokens
        if backbone.is_encoder_decoder:
            _check_positions(longest, backbone.longest_sequence, "the input")
            _check_positions(limit, backbone.longest_target, "the answer")
        else:
            _check_positions(longest + limit, backbone.longest_sequence, "prompt, input and answer together")
        return inputs


def _check_positions(needed: int, positions: int | None, what: str) -> None:
    if positions is not None and needed > positions:
        raise wrong(
            None,
            f"The model has {positions:,} positions, and {what} would take {needed:,}: shorten the input, or lower "
            "max_tokens.",
            "context_length_exceeded",
        )


def chat_asked(body: object, prompts: ServedPrompts) -> Asked:
    """A request for a chat completion. Raises a Refusal."""
    fields = Fields(body, _CHAT)
    prompt = _prompt(fields, prompts)
    top = fields.whole("top_logprobs", 0, 20)
    if not fields.flag("logprobs"):
        if top:
            raise wrong("top_logprobs", "The field 'top_logprobs' wants 'logprobs' to be true.")
        top = None
    else:
        top = top or 0
    row = _row(prompt, _messages(fields.value("messages")))
    return _asked(fields, prompt, (row,), top, "max_completion_tokens")


def completion_asked(body: object, prompts: ServedPrompts) -> Asked:
    """A request for completions. Raises a Refusal."""
    fields = Fields(body, _COMPLETION)
    prompt = _prompt(fields, prompts)
    texts = fields.texts("prompt", _MOST_PROMPTS)
    if not texts:
        raise wrong("prompt", "The field 'prompt' is missing: it must be a text or a list of texts.")
    rows = tuple(_row(prompt, [("user", text)]) for text in texts)
    return _asked(fields, prompt, rows, fields.whole("logprobs", 0, 20), "max_tokens")


def _asked(
    fields: Fields, prompt: ServedPrompt, rows: tuple[Mapping[str, str], ...], top: int | None, limit_name: str
) -> Asked:
    if top is not None and prompt.saved.labels:
        raise wrong(
            "logprobs",
            f"The prompt {prompt.name!r} picks a label, whose probabilities are in 'label_probabilities' of every "
            "answer: leave 'logprobs' out.",
        )
    limit = fields.whole(limit_name, 1, _LONGEST_ANSWER) or fields.whole("max_tokens", 1, _LONGEST_ANSWER)
    seed = fields.whole("seed", 0, _HIGHEST_SEED)
    sampling = Sampling(
        temperature=fields.number("temperature", 0.0, 0, 5),
        top_p=fields.number("top_p", 1.0, 0.01, 1),
        seed=secrets.randbelow(_HIGHEST_SEED + 1) if seed is None else seed,
        longest_answer=limit or 0,
    )
    stops = fields.texts("stop", _MOST_STOPS)
    if any(not 0 < len(stop) <= _LONGEST_STOP for stop in stops):
        raise wrong("stop", f"Each text of 'stop' must have 1 to {_LONGEST_STOP:,} characters.")
    options = fields.value("stream_options")
    usage = options is not None and Fields(options, {"include_usage", "include_obfuscation"}).flag("include_usage")
    return Asked(prompt, rows, sampling, stops, top, fields.flag("stream"), usage)


def _prompt(fields: Fields, prompts: ServedPrompts) -> ServedPrompt:
    name = fields.text("model")
    return served(name, prompts)


def served(name: str, prompts: ServedPrompts) -> ServedPrompt:
    """The prompt of a name. Raises a Refusal that lists the names."""
    prompt = prompts.get(name)
    if prompt is None:
        names = [repr(one.name) for one in prompts]
        listed = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
        raise Refusal(
            404, f"There is no model {name[:100]!r} here: choose one of {listed}.", "model", "model_not_found"
        )
    return prompt


def _messages(value: object) -> list[tuple[str, str]]:
    """(role, text) of each message."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_MESSAGES:
        raise wrong("messages", f"The field 'messages' must be a list of 1 to {_MOST_MESSAGES:,} messages.")
    messages = [_message(number, message) for number, message in enumerate(value)]
    if messages[-1][0] != "user":
        raise wrong("messages", "The last message must be the user's: the prompt answers to it.")
    return messages


def _message(number: int, message: object) -> tuple[str, str]:
    where = f"messages[{number}]"
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise wrong(where, f"{where} must be an object with a role and a content.")
    role = _ROLES.get(message["role"])
    if role is None:
        raise wrong(where, f"The role of {where} must be system, developer, user or assistant.")
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            raise wrong(where, f"The content of {where} can only have parts of text.")
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise wrong(where, f"The content of {where} must be a text.")
    return role, content


def _row(prompt: ServedPrompt, messages: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The row of a prompt's columns that messages stand for."""
    for _, text in messages:
        if problem := text_problem("The input", text, _LONGEST_TEXT):
            raise wrong(None, problem)
    if len(prompt.columns) == 1:
        return {prompt.columns[0]: messages[0][1] if len(messages) == 1 else to_cell(messages)}
    try:
        row: dict[str, str] | None = json.loads(messages[-1][1]) if len(messages) == 1 else None
    except (ValueError, RecursionError):
        row = None
    texts = isinstance(row, dict) and all(isinstance(cell, str) for cell in row.values())
    if row is None or not texts or row.keys() != set(prompt.columns):
        columns = ", ".join(map(repr, prompt.columns))
        raise wrong(
            None,
            f"The prompt {prompt.name!r} reads several columns: send one message, a JSON object with a text for each "
            f"of {columns}.",
        )
    return row
