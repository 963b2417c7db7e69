"""How a prompt answers the rows of a table whose right answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from app.answering.answer import Answer, Request
from app.answering.answerer import Answerer
from lamp.config import DataConfig
from lamp.data.columns import Template, check_columns
from lamp.data.conversation import readable
from lamp.data.tables import Table
from lamp.errors import ConfigError, DataError
from lamp.inference.answers import RowAnswer
from lamp.inference.scores import Scores, merge_scores, row_scores

_A_TURN = 32
"""Rows between two signs of progress: one turn of the answering process."""
OnTurn = Callable[[int, str], None]
"""Called with how many inputs are done, and what is done now."""


def in_turns(answerer: Answerer, request: Request, on_turn: OnTurn) -> list[Answer]:
    """Answers to many inputs, a few at a time, so that others have their turn between. Raises LampError."""
    answers: list[Answer] = []
    for start in range(0, len(request.inputs), _A_TURN):
        turn = slice(start, start + _A_TURN)
        part = replace(request, inputs=request.inputs[turn], expected=request.expected[turn])
        answers += answerer.answers(part, partial(on_turn, start))
    return answers


def score_rows(
    answerer: Answerer,
    request: Request,
    data: DataConfig,
    table: Table,
    labels: Sequence[str],
    on_progress: Callable[[float, str], None],
) -> tuple[tuple[RowAnswer, ...], Scores]:
    """Answers rows at even distances with the prompt and without it; the answers, and the scores as runs store them.

    labels: of the prompt, empty where it writes texts. Raises LampError.
    """
    if problems := check_columns(data, table.columns):
        raise ConfigError(problems)
    template = Template.of(data)
    places = [
        place for place, row in enumerate(table.rows) if template.has_input(row) and row[data.target_column].strip()
    ]
    if not places:
        raise DataError("No row of this data set has both an input and a right answer.")
    places = places[:: -(-len(places) // (data.max_test_rows if labels else data.max_written_rows))]
    rows = list(table.take(places))
    expected = [row[data.target_column].strip() for row in rows]
    if labels and (unknown := sorted(set(expected) - set(labels))):
        raise DataError(
            f"The column {data.target_column!r} holds {unknown[0][:60]!r}, which is none of the prompt's labels "
            f"({', '.join(labels[:12])}): choose the column of the right answers."
        )
    inputs = tuple({column: row[column] for column in data.input_columns} for row in rows)

    def on_turn(done: int, stage: str) -> None:
        on_progress(done / len(inputs), f"{done:,} of {len(inputs):,} rows are answered" if done else stage)

    answers = in_turns(answerer, replace(request, inputs=inputs), on_turn)
    texts = [readable(template.render(row).removesuffix(template.suffix).strip()) for row in rows]
    return _scored(places, texts, expected, answers, bool(labels))


def _scored(
    places: Sequence[int], texts: Sequence[str], expected: Sequence[str], answers: Sequence[Answer], labels: bool
) -> tuple[tuple[RowAnswer, ...], Scores]:
    tuned, untrained = [answer.tuned for answer in answers], [answer.untrained for answer in answers]
    scores, others = (row_scores(expected, said, labels=labels) for said in (tuned, untrained))
    rows = tuple(
        RowAnswer(
            place,
            text,
            target,
            answer.tuned,
            score,
            answer.tuned_probabilities.get(answer.tuned, 0.0) if labels else None,
            answer.untrained,
            other,
        )
        for place, text, target, answer, score, other in zip(
            places, texts, expected, answers, scores, others, strict=True
        )
    )
    metric, count = "accuracy" if labels else "rouge_l", len(rows)
    merged = merge_scores({metric: sum(scores) / count}, {metric: sum(others) / count})
    return rows, {**merged, "test_rows": float(count)}
