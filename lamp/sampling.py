"""How free text is written: always the likeliest token, or one drawn by its probability."""

from __future__ import annotations

from dataclasses import dataclass

from lamp.config_json import build
from lamp.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """Settings for one answer; the defaults are those with which prompts are scored."""

    temperature: float = 0.0
    """0 takes the likeliest token each time (greedy); otherwise logits are divided by it before a token is drawn."""
    top_p: float = 1.0
    """Only the likeliest tokens are drawn from, as many as have this probability together."""
    seed: int = 0
    """The same seed draws the same text for the same inputs on the same device."""
    longest_answer: int = 0
    """Most tokens of an answer; 0 for as many as the recipe's longest target has."""

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
        """The settings in a JSON object; absent ones take their defaults. Raises ConfigError."""
        problems: list[str] = []
        sampling = build(cls, values, "sampling", problems)
        if problems:
            raise ConfigError(problems)
        return sampling


GREEDY = Sampling()
