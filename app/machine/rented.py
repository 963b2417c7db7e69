"""The kind of machine that is rented for each run, as the Hub describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RentedMachine:
    """A flavor of the Hub's Jobs."""

    flavor: str
    hardware: str
    """In words, such as "Nvidia T4 - small"."""
    gpus: int
    usd_a_minute: float | None
    """None where the Hub tells no price for a minute."""

    def price(self, seconds: float | None) -> str:
        """What a run costs, in a sentence. seconds: that it takes; None where that is not known."""
        machine = f"It runs on {self.hardware} ({self.flavor}), rented on the Hub"
        if self.usd_a_minute is None:
            return f"{machine}, which does not tell its price."
        rate = f"{machine} at ${60 * self.usd_a_minute:.2f} an hour"
        if seconds is None:
            return f"{rate}."
        cost = max(0.01, seconds / 60 * self.usd_a_minute)
        return f"{rate}: about ${cost:.2f} for this time, and the minutes in which the machine gets ready."
