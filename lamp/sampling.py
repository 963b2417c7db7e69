"""Settings for writing free text: greedy decoding, or sampling with temperature and top-p."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.config_json import build
from lamp.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """Settings for one answer; the defaults are those used for scores."""

    temperature: float = 0.0
    """0 is greedy decoding; otherwise logits are divided by the temperature before a token is drawn."""
    top_p: float = 1.0
    """Nucleus sampling: a token is drawn from the smallest set of likeliest tokens with this total probability."""
    seed: int = 0
    """The same seed gives the same text for the same inputs on the same device."""
    longest_answer: int = 0
    """The most tokens of an answer; 0 for the recipe's limit on targets."""

    def __post_init__(self) -> None:
        """Raises ConfigError with one sentence for each value that is wrong."""
        bounds = (
            ("temperature", self.temperature, 0, 5),
            ("top-p", self.top_p, 0.01, 1),
            ("seed", self.seed, 0, 2**32 - 1),
            ("longest answer", self.longest_answer, 0, 4096),
        )
        problems = [
            f"The {name} must be between {low:,} and {high:,}, not {value}."
            for name, value, low, high in bounds
            if not low <= value <= high
        ]
        if problems:
            raise ConfigError(problems)

    @classmethod
    def from_dict(cls, values: object) -> Sampling:
        """Reads the settings from a JSON object; missing ones get their defaults. Raises ConfigError."""
        problems: list[str] = []
        sampling = build(cls, values, "sampling", problems)
        if problems:
            raise ConfigError(problems)
        return sampling


GREEDY = Sampling()
