"""Refusals: one sentence each, in the form of OpenAI's errors."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is not answered; the message is one sentence for whoever made it."""

    def __init__(self, status: int, sentence: str, param: str | None = None, code: str | None = None) -> None:
        """status: of HTTP; param: the field that is wrong; code: what programs tell the errors apart by."""
        super().__init__(sentence)
        self.status, self.param, self.code = status, param, code

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def wrong(param: str | None, sentence: str, code: str | None = None) -> Refusal:
    """The refusal of a request whose field `param` is wrong."""
    return Refusal(400, sentence, param, code)


def too_little_memory() -> Refusal:
    """The refusal of a request for which the memory is too short now."""
    sentence = "The memory is too short for what is asked at the moment: ask for less at a time, or later."
    return Refusal(503, sentence, code="out_of_memory")
