"""Whether a prompt is worth its training: the scores of other ways on the rows that it was tested on."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.views.csv_cells import harmless
from app.views.results import Results
from app.views.uncertainty import Interval, mean_interval, share_interval
from lamp.baselines.ways import LONG, TRAINED, WayResult
from lamp.baselines.ways import NAMES as WAY_NAMES

LAMP, UNTRAINED = "lamp", "untrained"
NAMES = {LAMP: "LAMP, this prompt", UNTRAINED: "The model alone", **WAY_NAMES}
_IN_SENTENCES = {
    "instruction": "a written instruction alone",
    "examples": "a prompt with a few examples",
    "plain": "a plain prompt of as many tokens",
    "long_plain": f"a plain prompt of {LONG} times as many tokens",
    "lora": "LoRA",
}
_FEWEST_ROWS = 10
"""The fewest tested rows from which anything can be concluded."""
_HEADS = (
    *("way", "score", "low", "high", "lead of LAMP", "lead low", "lead high", "rows", "trained numbers"),
    *("tokens before every request", "bytes", "training seconds", "learning rate", "text", "problem"),
)
"""Column names of the CSV file."""


@dataclass(frozen=True)
class Cost:
    """The cost of a way."""

    numbers: int = 0
    """Number of trained values."""
    tokens: int = 0
    """Number of tokens before every request."""
    bytes: int = 0
    seconds: float | None = None
    """Training time; None if it is unknown."""


@dataclass(frozen=True)
class WayLine:
    """One way, compared with the prompt."""

    way: str
    cost: Cost
    scores: tuple[float, ...] = ()
    """Score of each tested row, in the order of the prompt's; empty if the way has none."""
    lead: Interval | None = None
    """The interval of the prompt's lead over this way in mean score; None for the prompt itself."""
    are_labels: bool = True
    learning_rate: float | None = None
    rate_at_edge: bool = False
    text: str = ""
    problem: str = ""

    @property
    def mean(self) -> float:
        """Its mean score, 0 to 1."""
        return sum(self.scores) / len(self.scores)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of `mean`."""
        if self.are_labels:
            return share_interval(sum(score == 1 for score in self.scores), len(self.scores))
        return mean_interval(self.scores)

    @property
    def standing(self) -> Literal["better", "worse", "level", ""]:
        """How the prompt compares with it: "level" if chance could make the difference; "" if unknown."""
        if self.lead is None or len(self.scores) < _FEWEST_ROWS:
            return ""
        return "better" if self.lead.low > 0 else "worse" if self.lead.high < 0 else "level"


@dataclass(frozen=True)
class Worth:
    """A prompt and the other ways that were tried."""

    lines: tuple[WayLine, ...]
    """The prompt first, then the model alone, then the others."""
    rows: int
    tested: bool
    """Whether the rows had no part in choosing the prompt."""

    @property
    def any_tried(self) -> bool:
        """Whether anything was tried beside the model alone."""
        return len(self.lines) > 2

    @property
    def sentence(self) -> str:
        """The conclusion; "" if no other way has scores."""
        tried = {line.way: line for line in self.lines[1:] if line.scores}
        if len(tried) < 2:
            return ""
        if self.rows < _FEWEST_ROWS:
            return f"On only {self.rows} rows nothing can be told: test on more of them."
        chosen = "" if self.tested else " These rows chose the prompt, so they flatter it."
        return _said(self.lines[0], tried) + chosen

    def to_csv(self) -> str:
        """Returns the table for a spreadsheet, in which no cell is computed as a formula."""
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(_HEADS)
        for line in self.lines:
            writer.writerow(_cells(line, self.lines[0]))
        return table.getvalue()


def worth_of(results: Results, ways: Sequence[WayResult], tested: bool, own: Cost) -> Worth:
    """Compares the prompt of a run with other ways. own: the cost of the prompt itself."""
    answers = results.answers
    scores = tuple(answer.score for answer in answers)
    untrained = tuple(answer.untrained_score for answer in answers)
    labels = results.are_labels
    lines = [
        WayLine(LAMP, own, scores, are_labels=labels),
        WayLine(UNTRAINED, Cost(seconds=0.0), untrained, _lead(scores, untrained), labels),
        *(_line(way, scores, [answer.row for answer in answers], labels) for way in ways),
    ]
    return Worth(tuple(lines), len(answers), tested)


def _line(way: WayResult, own: Sequence[float], rows: Sequence[int], labels: bool) -> WayLine:
    cost = Cost(way.numbers, way.tokens, way.bytes, way.seconds)
    if way.problem:
        return WayLine(way.way, cost, problem=way.problem)
    if set(way.row_scores) != set(rows):
        return WayLine(way.way, cost, problem="It answered other rows than the prompt did: compare once more.")
    scores = tuple(way.row_scores[row] for row in rows)
    lead, rate = _lead(own, scores), way.learning_rate
    return WayLine(way.way, cost, scores, lead, labels, rate, way.rate_at_edge, way.text)


def _lead(own: Sequence[float], other: Sequence[float]) -> Interval:
    """Returns the bootstrap interval of the difference row by row, which is narrower than the two scores' own
    intervals."""
    return mean_interval([one - two for one, two in zip(own, other, strict=True)])


def _said(own: WayLine, tried: Mapping[str, WayLine]) -> str:
    """Returns the sentence of the first rule that holds, beginning with the plainest reason against the prompt."""
    texts = [line for way, line in tried.items() if way not in (UNTRAINED, *TRAINED)]
    trained = [line for way, line in tried.items() if way in TRAINED]
    if better := [line for line in texts if line.standing == "worse"]:
        best = max(better, key=lambda line: line.mean)
        return f"{_begin(best)} is better by {_points(best, own)}: the prompt is not worth its training here."
    if tried[UNTRAINED].standing != "better":
        better = [line for line in trained if line.standing == "worse"]
        best_text = "no other way is clearly better than the prompt"
        if better:
            best = max(better, key=lambda line: line.mean)
            best_text = f"{_IN_SENTENCES[best.way]} is better than the prompt by {_points(best, own)}"
        return f"The prompt is no better than the model alone, so it was not worth its training; {best_text}."
    if level := [line for line in texts if line.standing == "level"]:
        first = level[0]
        as_well = f"{_begin(first)} does as well, within what {len(own.scores):,} rows can tell ({_range(first)})"
        if first.way == "instruction":
            return f"{as_well}: the prompt is not worth its training here."
        return (
            f"{as_well}, but puts {first.cost.tokens:,} tokens before every request where the prompt puts "
            f"{own.cost.tokens:,}."
        )
    if better := [line for line in trained if line.standing == "worse"]:
        best = max(better, key=lambda line: line.mean)
        return f"{_begin(best)} is better by {_points(best, own)}, with {_times(best, own)} trained numbers."
    if level := [line for line in trained if line.standing == "level"]:
        last = level[-1]  # LoRA, if it is among them
        return (
            f"LAMP is level with {_IN_SENTENCES[last.way]} here, within what {len(own.scores):,} rows can tell "
            f"({_range(last)}), with {_times(own, last)} trained numbers."
        )
    return "LAMP is better here than every other way that was tried."


def _begin(line: WayLine) -> str:
    """Returns a way's name for the beginning of a sentence."""
    name = _IN_SENTENCES[line.way]
    return name[:1].upper() + name[1:]


def _points(line: WayLine, own: WayLine) -> str:
    """Returns how much better a way is than the prompt."""
    assert line.lead is not None
    return f"{100 * (line.mean - own.mean):.0f} points ({signed(-line.lead.high)} to {signed(-line.lead.low)})"


def _range(line: WayLine) -> str:
    """Returns the limits of the prompt's lead."""
    assert line.lead is not None
    return f"{signed(line.lead.low)} to {signed(line.lead.high)} points"


def signed(share: float) -> str:
    """Formats a difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.0f}".replace("-", "−").replace("+0", "0").replace("−0", "0")


def _times(one: WayLine, other: WayLine) -> str:
    """Returns the number of trained values of one way as a part or a multiple of another's."""
    ratio = one.cost.numbers / max(1, other.cost.numbers)
    if ratio >= 1.05:
        return f"{ratio:.0f} times its" if ratio >= 10 else f"{ratio:.1f} times its"
    return "as many" if ratio > 0.95 else f"1/{1 / ratio:.0f} of its" if ratio <= 0.5 else f"{100 * ratio:.0f} % of its"


def _cells(line: WayLine, own: WayLine) -> Sequence[object]:
    scored: tuple[object, ...] = ("",) * 6
    if line.scores:
        low_high = (f"{line.interval.low:.4f}", f"{line.interval.high:.4f}")
        lead: tuple[str, ...] = ("", "", "")
        if line.lead is not None:
            lead = (f"{own.mean - line.mean:.4f}", f"{line.lead.low:.4f}", f"{line.lead.high:.4f}")
        scored = (f"{line.mean:.4f}", *low_high, *lead)
    cost, rate = line.cost, "" if line.learning_rate is None else f"{line.learning_rate:g}"
    seconds = "" if cost.seconds is None else f"{cost.seconds:.1f}"
    costs = (cost.numbers, cost.tokens, cost.bytes, seconds, rate)
    return (NAMES.get(line.way, line.way), *scored, len(line.scores), *costs, harmless(line.text), line.problem)
