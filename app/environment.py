"""Environment variables as values of their kinds; every one that is wrong is collected, to be named at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Environment:
    """Reads variables, and gathers a sentence for each with an invalid value."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """Without surrounding blanks; "" when it is not set."""
        return self.values.get(name, "").strip()

    def words(self, name: str) -> list[str]:
        """Separated by blanks or commas."""
        return self.text(name).replace(",", " ").split()

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        text = self.text(name)
        try:
            value = float(text) if text else default
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self.problems.append(f"{name} must be a number between {low:g} and {high:g}, not {text!r}.")
        return value

    def one_of(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of some words; case does not matter."""
        word = self.text(name).lower() or default
        if word not in choices:
            self.problems.append(f"{name} must be {' or '.join(choices)}, not {word!r}.")
        return word

    def switch(self, name: str, default: bool) -> bool:
        """Whether it says yes, and not no."""
        return self.one_of(name, ("yes", "no"), "yes" if default else "no") == "yes"
