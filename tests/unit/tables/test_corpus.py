"""What becomes of more than a hundred odd files stands in corpus.txt, and stays as a person has read it there."""

from __future__ import annotations

from difflib import unified_diff

from tests.unit.tables.corpus import CORPUS, SNAPSHOT, report


def test_every_odd_file_gives_its_rows_or_its_sentence() -> None:
    assert len(CORPUS) >= 80
    there, now = SNAPSHOT.read_text(encoding="utf-8").splitlines(), report().splitlines()
    difference = "\n".join(unified_diff(there, now, "corpus.txt", "now", lineterm=""))
    assert not difference, f"if this is right, run python -m tests.unit.tables.corpus:\n{difference}"
