"""Progress bars of the command line, on standard error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamp.inference.batched import OnProgress


class BarReporter:
    """A Reporter that draws a progress bar on standard error and prints notes above it.

    Of several processes that train together only the first one draws.
    """

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        self._stop, self._phase = False, ""
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        self._quiet = os.environ.get("RANK", "0") != "0"
        self._bar = tqdm(total=steps, unit="step", dynamic_ncols=True, disable=self._quiet)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Moves the bar; the last loss stands beside it."""
        self._bar.update(step - self._bar.n)
        if "loss" in values:
            self._bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)

    def phase(self, text: str) -> None:
        """Names what is going on in front of the bar."""
        self._phase = text
        self._bar.set_description(text)

    def part(self, share: float) -> None:
        """Says how far the phase is."""
        self._bar.set_description(f"{self._phase}: {share:.0%}")

    def note(self, text: str) -> None:
        """Prints a line."""
        if not self._quiet:
            self._bar.write(text, file=sys.stderr)

    def should_stop(self) -> bool:
        """After the first Ctrl+C; a second one ends at once."""
        return self._stop

    def _interrupted(self, *_: object) -> None:
        self._stop = True
        signal.signal(signal.SIGINT, self._before)
        self.note("Stopping after this step; the same command goes on from there. Ctrl+C again ends at once.")

    def close(self) -> None:
        """Leaves the bar where it is."""
        signal.signal(signal.SIGINT, self._before)
        self._bar.close()


@contextmanager
def rows_bar(title: str, rows: int) -> Iterator[OnProgress]:
    """A bar over so many rows, moved by what it gives."""
    from tqdm import tqdm

    with tqdm(total=rows, desc=title, unit="row", dynamic_ncols=True) as bar:
        yield lambda share: bar.update(round(share * rows) - bar.n)
        bar.update(rows - bar.n)
