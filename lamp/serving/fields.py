"""The fields of a request, read one by one with their types and limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lamp.serving.refusal import wrong

_IGNORED = frozenset(
    {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
)
"""Fields that tell OpenAI who asks, and change no answer."""
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""What may stand in fields that are not supported: what they are when they are left out."""


class Fields:
    """The fields of one JSON object; null counts as absent."""

    def __init__(self, values: object, known: Collection[str]) -> None:
        """known: the fields that are read. Raises a Refusal for one that would change the answer and is not."""
        if not isinstance(values, dict):
            raise wrong(None, f"The body must be a JSON object, not {_kind(values)}.")
        self._values: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        for name, value in self._values.items():
            if name in known or name in _IGNORED:
                continue
            if name not in _NEUTRAL:
                shown = name[:100].encode(errors="replace").decode()  # JSON can name half a character, answers cannot
                raise wrong(shown, f"The field {shown!r} is not known here: leave it out.")
            if value not in _NEUTRAL[name]:
                raise wrong(name, f"The field {name!r} can only be {_NEUTRAL[name][0]!r} here: leave it out.")

    def value(self, name: str) -> Any:
        """A field as it is; None when it is absent."""
        return self._values.get(name)

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.value(name)
        if value is None:
            raise wrong(name, f"The field {name!r} is missing: it must be a text.")
        if not isinstance(value, str):
            raise self._wrong(name, "a text", value)
        return value

    def flag(self, name: str) -> bool:
        """True or false; false when it is absent."""
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return bool(value)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number between two limits; None when it is absent."""
        value = self.value(name)
        if value is None:
            return None
        wanted = f"a whole number between {low:,} and {high:,}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, wanted, value)
        if not low <= value <= high:
            raise wrong(name, f"The field {name!r} must be {wanted}, not {_shown(value)}.")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number between two limits."""
        value = self.value(name)
        if value is None:
            return default
        wanted = f"a number between {low:g} and {high:g}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, wanted, value)
        if not low <= value <= high:
            raise wrong(name, f"The field {name!r} must be {wanted}, not {_shown(value)}.")
        return float(value)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A text or a list of texts; empty when it is absent."""
        value = self.value(name)
        if value is None:
            return ()
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._wrong(name, "a text or a list of texts", value)
        if len(texts) > most:
            raise wrong(name, f"The field {name!r} can hold at most {most:,} texts, not {len(texts):,}.")
        return tuple(texts)

    def _wrong(self, name: str, wanted: str, value: object) -> Exception:
        return wrong(name, f"The field {name!r} must be {wanted}, not {_kind(value)}.")


def _kind(value: object) -> str:
    kinds = {bool: "true or false", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: object) -> str:
    try:
        return str(value)[:40]
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of thousands of digits"
