"""The JSON bodies of answers, as OpenAI's clients read them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamp.inference.growing_answer import TokenScore
from lamp.serving.prompts import ServedPrompt


@dataclass(frozen=True)
class Choice:
    """One whole answer."""

    text: str
    finish: str
    tokens: int
    """Of the answer, without the one that ended it."""
    scores: tuple[TokenScore, ...] | None = None
    """None when they were not asked for."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Label → probability; empty for a text."""


def model_body(prompt: ServedPrompt) -> dict[str, Any]:
    """One prompt as an entry of the list of models."""
    return {
        "id": prompt.name,
        "object": "model",
        "created": 0,
        "owned_by": "lamp",
        "input_columns": list(prompt.columns),
        "labels": list(prompt.saved.labels),
        "voters": prompt.readings,
    }


class Bodies:
    """Makes the bodies of one request's answers."""

    def __init__(self, prompt: ServedPrompt, tokenizer: Any, *, chat: bool) -> None:
        self._prompt, self._tokenizer, self._chat = prompt, tokenizer, chat
        kind = "chat.completion" if chat else "text_completion"
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": prompt.name,
        }

    def whole(self, choices: Sequence[Choice], input_tokens: int) -> dict[str, Any]:
        """The answer to a request without a stream. input_tokens: of all inputs, virtual tokens among them."""
        listed = []
        for index, choice in enumerate(choices):
            said: dict[str, Any] = {"text": choice.text}
            if self._chat:
                said = {"message": {"role": "assistant", "content": choice.text, "refusal": None}}
            listed.append(self._choice(index, said, choice.scores, choice.finish, choice.probabilities))
        return {**self._head, "choices": listed, "usage": _usage(choices, input_tokens)}

    def first_chunk(self, index: int) -> dict[str, Any] | None:
        """What a stream begins each choice with; None where it begins with the first piece."""
        if not self._chat:
            return None
        return self._chunk(index, {"delta": {"role": "assistant", "content": ""}}, None, None, {})

    def piece(
        self,
        index: int,
        text: str,
        scores: Sequence[TokenScore] | None,
        probabilities: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """A piece of a choice; scores: of its tokens, None when they were not asked for."""
        said = {"delta": {"content": text}} if self._chat else {"text": text}
        return self._chunk(index, said, scores, None, probabilities or {})

    def last_chunk(self, index: int, finish: str) -> dict[str, Any]:
        """The end of a choice."""
        return self._chunk(index, {"delta": {}} if self._chat else {"text": ""}, None, finish, {})

    def usage_chunk(self, choices: Sequence[Choice], input_tokens: int) -> dict[str, Any]:
        """The end of a stream that tells its usage."""
        return {**self._streamed_head(), "choices": [], "usage": _usage(choices, input_tokens)}

    def _chunk(
        self,
        index: int,
        said: dict[str, Any],
        scores: Sequence[TokenScore] | None,
        finish: str | None,
        probabilities: Mapping[str, float],
    ) -> dict[str, Any]:
        return {**self._streamed_head(), "choices": [self._choice(index, said, scores, finish, probabilities)]}

    def _streamed_head(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"} if self._chat else self._head

    def _choice(
        self,
        index: int,
        said: dict[str, Any],
        scores: Sequence[TokenScore] | None,
        finish: str | None,
        probabilities: Mapping[str, float],
    ) -> dict[str, Any]:
        logprobs = None if scores is None else self._chat_scores(scores) if self._chat else self._text_scores(scores)
        more = {"label_probabilities": dict(probabilities)} if probabilities else {}
        return {"index": index, **said, "logprobs": logprobs, "finish_reason": finish, **more}

    def _chat_scores(self, scores: Sequence[TokenScore]) -> dict[str, Any]:
        def one(token: int, log_probability: float) -> dict[str, Any]:
            text = self._token(token)
            # A token may be a part of a character, whose bytes its text does not tell.
            in_bytes = None if "\ufffd" in text else list(text.encode("utf-8", "surrogatepass"))
            return {"token": text, "logprob": log_probability, "bytes": in_bytes}

        content = [
            one(score.token, score.log_probability) | {"top_logprobs": [one(*likely) for likely in score.likeliest]}
            for score in scores
        ]
        return {"content": content, "refusal": None}

    def _text_scores(self, scores: Sequence[TokenScore]) -> dict[str, Any]:
        tops = [
            {
                self._token(token): log_probability
                for token, log_probability in [*score.likeliest, (score.token, score.log_probability)]
            }
            for score in scores
        ]
        return {
            "tokens": [self._token(score.token) for score in scores],
            "token_logprobs": [score.log_probability for score in scores],
            "top_logprobs": tops,
            "text_offset": [score.offset for score in scores],
        }

    def _token(self, token: int) -> str:
        text: str = self._tokenizer.decode([token])
        return text


def _usage(choices: Sequence[Choice], input_tokens: int) -> dict[str, int]:
    answered = sum(choice.tokens for choice in choices)
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": answered,
        "total_tokens": input_tokens + answered,
    }
