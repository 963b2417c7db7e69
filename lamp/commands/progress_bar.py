"""Progress bars for the command line, drawn on standard error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamp.plain_line import visible

if TYPE_CHECKING:
    from lamp.inference.batched import OnProgress
    from lamp.training.reporter import Sample


class BarReporter:
    """A Reporter that draws a progress bar and prints notes above it.

    When several processes train together, only the first one draws. While it is open, the first Ctrl+C asks the run to
    stop after the current step; the second one ends the process at once.
    """

    def __init__(self, steps: int) -> None:
        from tqdm import tqdm

        self._stop, self._phase = False, ""
        self._earlier_handler = signal.signal(signal.SIGINT, self._on_interrupt)
        self._quiet = os.environ.get("RANK", "0") != "0"
        self._bar = tqdm(total=steps, unit="step", dynamic_ncols=True, disable=self._quiet)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Moves the bar to `step` and shows the loss beside it."""
        self._bar.update(step - self._bar.n)
        if "loss" in values:
            self._bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)

    def phase(self, text: str) -> None:
        """Shows the name of the phase in front of the bar."""
        self._phase = text
        self._bar.set_description(text)

    def part(self, share: float) -> None:
        """Shows how much of the phase is done, as a percentage. share: 0 to 1."""
        self._bar.set_description(f"{self._phase}: {share:.0%}")

    def note(self, text: str) -> None:
        """Prints a line above the bar."""
        if not self._quiet:
            self._bar.write(visible(text), file=sys.stderr)

    def samples(self, step: int, rows: Sequence[Sample]) -> None:
        """Does nothing, because the notes contain them too."""

    def should_stop(self) -> bool:
        """Returns whether Ctrl+C was pressed."""
        return self._stop

    def _on_interrupt(self, *_: object) -> None:
        self._stop = True
        signal.signal(signal.SIGINT, self._earlier_handler)
        self.note("Stopping after this step; the same command goes on from there. Ctrl+C again ends at once.")

    def close(self) -> None:
        """Ends the bar, which stays on the screen, and restores the earlier handler of Ctrl+C."""
        signal.signal(signal.SIGINT, self._earlier_handler)
        self._bar.close()


@contextmanager
def rows_bar(title: str, rows: int) -> Iterator[OnProgress]:
    """Shows a bar for `rows` rows; yields the callback that moves it to a share of them (0 to 1)."""
    from tqdm import tqdm

    with tqdm(total=rows, desc=title, unit="row", dynamic_ncols=True) as bar:
        yield lambda share: bar.update(round(share * rows) - bar.n)
        bar.update(rows - bar.n)
