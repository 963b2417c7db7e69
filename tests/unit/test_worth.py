"""What is said of a prompt beside other ways: every rule, and only what the tested rows can tell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest

from app.views.results import Results
from app.views.worth import Cost, Worth, worth_of
from lamp.baselines.ways import WayResult
from lamp.inference.answers import RowAnswer

OWN = Cost(numbers=5_000, tokens=20, bytes=20_000, seconds=60.0)


def results(right: int, rows: int = 60, untrained: int = 20) -> Results:
    return Results(
        tuple(
            RowAnswer(
                row=1000 + row,
                input="text",
                expected="good",
                answer="good" if row < right else "bad",
                score=float(row < right),
                confidence=0.9,
                untrained_answer="bad",
                untrained_score=float(row < untrained),
            )
            for row in range(rows)
        )
    )


def way(name: str, right: int, rows: int = 60, numbers: int = 0, tokens: int = 0) -> WayResult:
    scores = {1000 + row: float(row < right) for row in range(rows)}
    return WayResult(name, {"accuracy": right / rows}, scores, numbers, tokens)


def worth(right: int, ways: Sequence[WayResult], *, untrained: int = 20, rows: int = 60, tested: bool = True) -> Worth:
    return worth_of(results(right, rows, untrained), ways, tested, OWN)


@pytest.mark.parametrize(
    ("right", "ways", "said"),
    [
        (40, [way("instruction", 55)], "A written instruction alone is better by 25 points (+15 to +37)"),
        (40, [way("examples", 55), way("lora", 60)], "A prompt with a few examples is better by 25 points"),
        (22, [way("lora", 21)], "no better than the model alone, so it was not worth its training; no other way is"),
        (22, [way("lora", 58)], "no better than the model alone, so it was not worth its training; LoRA is better"),
        (50, [way("instruction", 49), way("lora", 60)], "A written instruction alone does as well, within what 60"),
        (50, [way("examples", 49, tokens=812)], "but puts 812 tokens before every request where the prompt puts 20."),
        (
            40,
            [way("instruction", 20), way("plain", 55, numbers=11_520), way("lora", 54, numbers=460_000)],
            "A plain prompt of as many tokens is better by 25 points",
        ),
        (50, [way("lora", 49, numbers=425_000)], "LAMP is level with LoRA here, within what 60 rows can tell"),
        (50, [way("lora", 49, numbers=425_000)], "with 1/85 of its trained numbers."),
        (50, [way("plain", 51, numbers=2_000)], "with 2.5 times its trained numbers."),
        (58, [way("instruction", 20), way("lora", 30, numbers=9)], "LAMP is better here than every other way"),
    ],
)
def test_the_sentence_says_what_the_rows_can_tell(right: int, ways: list[WayResult], said: str) -> None:
    assert said in worth(right, ways).sentence


def test_nothing_is_said_of_few_rows_or_without_another_way() -> None:
    assert worth(50, []).sentence == "" and not worth(50, []).any_tried
    assert worth(50, [WayResult("lora", problem="PEFT cannot.")]).sentence == ""
    few = worth(7, [way("lora", 2, rows=8)], rows=8, untrained=0)
    assert few.sentence == "On only 8 rows nothing can be told: test on more of them."
    assert [line.standing for line in few.lines] == ["", "", ""]


def test_rows_that_chose_the_prompt_are_said_to_flatter_it() -> None:
    assert worth(50, [way("lora", 49)], tested=False).sentence.endswith("so they flatter it.")


def test_a_way_that_answered_other_rows_is_not_compared() -> None:
    other = worth(50, [way("lora", 59, rows=59)])
    assert "answered other rows" in other.lines[2].problem and not other.lines[2].scores
    assert other.sentence == ""


def test_the_lead_is_row_by_row_and_of_texts_as_well() -> None:
    line = worth(50, [way("lora", 50)]).lines[2]
    assert line.lead is not None and (line.lead.low, line.lead.high) == (0, 0), "the same rows are right"
    assert (line.mean, line.standing) == (50 / 60, "level")
    assert line.interval.low < 50 / 60 < line.interval.high


def test_the_table_can_be_taken_home_without_formulas() -> None:
    told = WayResult("instruction", {}, {1000 + row: 1.0 for row in range(60)}, tokens=9, text="=SUM(A1)")
    table = list(csv.DictReader(io.StringIO(worth(50, [told, WayResult("lora", problem="No.")]).to_csv())))
    assert [row["way"] for row in table] == [
        "LAMP, this prompt",
        "The model alone",
        "A written instruction",
        "LoRA, rank 8",
    ]
    assert table[2]["text"] == "'=SUM(A1)" and table[2]["lead of LAMP"] == "-0.1667"
    assert table[3]["problem"] == "No." and table[3]["score"] == ""
