"""What is said of an ended run: how good its prompt is, how sure that is, and what to try next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.views.results import Results
from app.views.score_text import RunScores
from app.views.verdict import Evidence, Verdict, verdict
from lamp.inference.answers import RowAnswer

FALLING = [(step, 3.0 - step / 100) for step in range(200)]
SETTLED = [(step, 3.0 - min(step, 100) / 100) for step in range(200)]
LEVEL = [(step, 2.0) for step in range(200)]
RISING = [(step, 2.0 + step / 100) for step in range(200)]

BARE = Evidence(RunScores({}, {}, tested=True), None, SETTLED, [(0, 0.2), (50, 0.8), (100, 0.8)], "accuracy", False)


def of_scores(
    tuned: float, untrained: float | None, loss: list[tuple[int, float]], metric: str = "accuracy"
) -> Evidence:
    scores = RunScores({metric: tuned}, {} if untrained is None else {metric: untrained})
    return replace(BARE, scores=scores, loss=loss)


def of_labels(right: int, untrained: int, rows: int = 45, **changes: object) -> Verdict:
    """The judgement of so many right answers; the rows have the labels a, b and c in turn."""
    answers = tuple(
        RowAnswer(row, "", "abc"[row % 3], "", float(row < right), 0.9, "", float(row < untrained))
        for row in range(rows)
    )
    said = verdict(replace(BARE, results=Results(answers), **changes))  # type: ignore[arg-type]  # fields of any type
    assert said is not None
    return said


def test_a_good_prompt_is_told_with_its_interval_and_the_untrained_model() -> None:
    said = of_labels(41, 10)
    assert said.heading == "Right on 41 of 45 rows that it never saw (79 to 96 %); the untrained model on 10."
    assert said.tone == "good" and said.text.startswith("The prompt clearly helps.")


def test_rows_that_chose_the_prompt_give_no_interval() -> None:
    said = of_labels(41, 10, scores=RunScores({}, {}, tested=False))
    assert said.heading == "Right on 41 of 45 rows that it was chosen by; the untrained model on 10."


@pytest.mark.parametrize(
    ("right", "untrained", "tone", "text"),
    [
        (10, 30, "warn", "The prompt makes the model worse."),
        (22, 21, "warn", "no more than chance could make of so few rows"),
        (20, 20, "warn", "The prompt changes nothing for the better."),
        (15, 5, "warn", "Always answering 'a' would be right on 15 of them, so it is of no use yet"),
        (45, 45, "warn", "next to nothing left to learn"),
        (38, 10, "good", "The range is wide because few rows were tested"),
    ],
    ids=["worse", "by chance", "no change", "no better than the commonest label", "nothing to learn", "few rows"],
)
def test_the_judgement_follows_from_the_same_rows_with_and_without_the_prompt(
    right: int, untrained: int, tone: str, text: str
) -> None:
    said = of_labels(right, untrained)
    assert said.tone == tone and text in said.text


def test_what_to_try_next_with_a_prompt_that_helps() -> None:
    assert "little left to improve" in of_labels(299, 100, rows=300).text
    assert "train it for more steps" in of_labels(240, 100, 300, validation=[(0, 0.2), (50, 0.6), (100, 0.8)]).text
    assert "not improved since step 50, so more steps are of no use. To get further, look at the wrong rows below" in (
        of_labels(240, 100, 300).text
    )
    assert "not improved" not in of_labels(240, 100, 300, validation=[(0, 0.2), (100, 0.8)]).text


def test_texts_are_judged_by_rouge() -> None:
    answers = tuple(RowAnswer(row, "", "x", "y", 0.5 + row % 2 / 10, None, "z", 0.2) for row in range(40))
    said = verdict(replace(BARE, results=Results(answers)))
    assert said is not None and said.tone == "good"
    assert said.heading == "ROUGE-L 55 % on 40 rows that it never saw (53 to 57 %); the untrained model 20 %."


@pytest.mark.parametrize(
    ("loss", "advice"),
    [
        (RISING, "try a lower learning rate"),
        (LEVEL, "try more steps, or a higher learning rate"),
        (FALLING, "still falling at the end: try more steps"),
        (SETTLED, "try more rows, or a lower rank"),
        ([(1, 2.0)], "Train it for more steps."),
        ([], "Train it for more steps."),
    ],
    ids=["rising", "level", "falling", "settled", "one step", "no step"],
)
def test_where_only_scores_are_known_what_to_try_next_follows_from_the_loss(
    loss: list[tuple[int, float]], advice: str
) -> None:
    said = verdict(of_scores(0.4, 0.5, loss))
    assert said is not None and said.heading == "Worse than the untrained model." and said.tone == "warn"
    assert said.text.startswith("Accuracy on the held-out rows is 40.0 %, and without the prompt 50.0 %.")
    assert advice in said.text


def test_nobody_is_told_to_change_a_learning_rate_that_was_found() -> None:
    said = verdict(replace(of_scores(0.4, 0.5, LEVEL), rate_is_found=True))
    assert said is not None and "try more steps, or a larger model" in said.text


def test_an_equal_score_is_no_better_and_a_perfect_one_leaves_nothing_to_learn() -> None:
    equal = verdict(of_scores(0.5, 0.5, SETTLED))
    assert equal is not None and equal.heading == "No better than the untrained model."
    perfect = verdict(of_scores(1.0, 1.0, SETTLED))
    assert perfect is not None and "next to nothing left to learn" in perfect.text and "try" not in perfect.text


@pytest.mark.parametrize(
    "gained",
    [of_scores(0.6, 0.5, RISING), of_scores(0.5, 0.6, RISING, "loss"), of_scores(0.5, None, RISING), BARE],
    ids=["higher accuracy", "lower loss", "nothing to compare with", "no scores"],
)
def test_nothing_is_said_of_scores_that_gained_or_cannot_be_judged(gained: Evidence) -> None:
    assert verdict(gained) is None
