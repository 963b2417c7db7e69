"""What the sample files must satisfy to be good first data sets."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from lamp.config import DataConfig
from lamp.data.column_roles import guess_columns
from lamp.data.splits import prepare
from lamp.data.tables import Table, read_table

SAMPLES = Path(__file__).parents[2] / "app" / "data" / "samples"


@pytest.fixture(scope="module")
def tickets() -> Table:
    return read_table(SAMPLES / "support-tickets.csv")


@pytest.fixture(scope="module")
def sentences() -> Table:
    return read_table(SAMPLES / "plain-english.csv")


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def nearest(texts: list[str]) -> float:
    """The largest Jaccard similarity between the word sets of two of the texts."""
    return max(len(first & second) / len(first | second) for first, second in combinations(map(words, texts), 2))


def test_the_samples_are_large_enough_to_learn_from(tickets: Table, sentences: Table) -> None:
    assert len(tickets.rows) >= 360
    assert len(sentences.rows) >= 120


def test_the_tickets_have_five_labels_of_sixty_rows_or_more(tickets: Table) -> None:
    assert tickets.columns == ("text", "label")
    counts = Counter(row["label"] for row in tickets.rows)
    assert set(counts) == {"account", "billing", "delivery", "returns", "technical"}
    assert min(counts.values()) >= 60 and max(counts.values()) <= 1.2 * min(counts.values())


def test_the_tickets_are_prepared_as_a_classification_with_every_label_held_out(tickets: Table) -> None:
    splits = prepare(tickets, guess_columns(tickets))
    assert splits.task == "classification" and splits.skipped == 0
    assert {example.target for example in splits.validation} == set(splits.labels)


def test_the_sentences_are_prepared_as_generation(sentences: Table) -> None:
    assert sentences.columns == ("text", "plain")
    assert guess_columns(sentences) == DataConfig(input_columns=("text",), target_column="plain")
    assert prepare(sentences, guess_columns(sentences)).task == "generation"


def test_a_ticket_has_six_to_sixty_words_and_their_lengths_vary(tickets: Table) -> None:
    lengths = sorted(len(row["text"].split()) for row in tickets.rows)
    assert lengths[0] >= 6 and lengths[-1] <= 60
    assert sum(length <= 8 for length in lengths) >= 25 and sum(length >= 45 for length in lengths) >= 20


def test_a_plain_sentence_is_shorter_than_its_original_nearly_always(sentences: Table) -> None:
    shorter = sum(len(row["plain"]) < len(row["text"]) for row in sentences.rows)
    assert shorter / len(sentences.rows) > 0.9
    assert all(3 <= len(row[column].split()) <= 40 for row in sentences.rows for column in sentences.columns)


def test_no_two_rows_are_nearly_the_same(tickets: Table, sentences: Table) -> None:
    assert nearest([row["text"] for row in tickets.rows]) < 0.5
    assert nearest([row["text"] for row in sentences.rows]) < 0.5
    assert nearest([row["plain"] for row in sentences.rows]) < 0.7


def test_no_row_follows_a_template(tickets: Table) -> None:
    openings = Counter(" ".join(row["text"].lower().split()[:4]) for row in tickets.rows)
    assert max(openings.values()) <= 3


def test_the_rows_of_a_label_do_not_stand_together(tickets: Table) -> None:
    labels = [row["label"] for row in tickets.rows]
    assert len(set(labels[:10])) >= 4
    assert sum(label == following for label, following in pairwise(labels)) < 0.35 * len(labels)


def test_no_row_holds_an_address_a_link_or_blanks_at_its_ends(tickets: Table, sentences: Table) -> None:
    cells = [cell for table in (tickets, sentences) for row in table.rows for cell in row.values()]
    assert not [cell for cell in cells if re.search(r"@|https?:|www\.|\b[a-z]+\.(?:com|org|net)\b", cell)]
    assert not [cell for cell in cells if cell != cell.strip() or not cell]
