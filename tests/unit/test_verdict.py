"""What is said of a run that gained nothing, and what is to be tried next."""

from __future__ import annotations

import pytest

from app.views.score_text import RunScores
from app.views.verdict import verdict

FALLING = [(step, 3.0 - step / 100) for step in range(200)]
SETTLED = [(step, 3.0 - min(step, 100) / 100) for step in range(200)]
LEVEL = [(step, 2.0) for step in range(200)]
RISING = [(step, 2.0 + step / 100) for step in range(200)]


def scores(tuned: float, untrained: float | None, metric: str = "accuracy") -> RunScores:
    return RunScores({metric: tuned}, {} if untrained is None else {metric: untrained})


@pytest.mark.parametrize(
    ("loss", "advice"),
    [
        (RISING, "try a lower learning rate"),
        (LEVEL, "try a higher learning rate, or more steps"),
        (FALLING, "still falling at the end: try more steps"),
        (SETTLED, "try more rows, or a lower rank"),
        ([(1, 2.0)], "Train it for more steps."),
        ([], "Train it for more steps."),
    ],
    ids=["rising", "level", "falling", "settled", "one step", "no step"],
)
def test_what_to_try_next_follows_from_the_loss(loss: list[tuple[int, float]], advice: str) -> None:
    said = verdict(scores(0.4, 0.5), loss)
    assert said is not None and said.heading == "Worse than the untrained model."
    assert said.text.startswith("Accuracy on the held-out rows is 40.0 %, and without the prompt 50.0 %.")
    assert advice in said.text


def test_an_equal_score_is_no_better_and_a_perfect_one_leaves_nothing_to_learn() -> None:
    equal = verdict(scores(0.5, 0.5), SETTLED)
    assert equal is not None and equal.heading == "No better than the untrained model."
    perfect = verdict(scores(1.0, 1.0), SETTLED)
    assert perfect is not None and "next to nothing left to learn" in perfect.text and "try" not in perfect.text


@pytest.mark.parametrize(
    "gained",
    [scores(0.6, 0.5), scores(0.5, 0.6, "loss"), scores(0.5, None), RunScores({}, {})],
    ids=["higher accuracy", "lower loss", "nothing to compare with", "no scores"],
)
def test_nothing_is_said_of_a_run_that_gained_or_cannot_be_judged(gained: RunScores) -> None:
    assert verdict(gained, RISING) is None
