"""Tables drawn with bars and dashes for people to look at, as Markdown, psql and mysql write them."""

from __future__ import annotations

import re
from pathlib import Path

from lamp.data.tables.checks import column_names
from lamp.data.tables.csv_strict import Misfit
from lamp.data.tables.dialects import lines
from lamp.data.tables.store import TableWriter
from lamp.data.tables.text_file import TextFile

RULE_CELL = re.compile(r"\s*:?[-=]{2,}:?\s*")
"""A cell of a line that separates the names of the columns from the rows."""
_BAR = re.compile(r"(?<!\\)\|")
_COUNT = re.compile(r"\(?[\d,]+ rows?\b.*")
"""A last line such as "(2 rows)" or "2 rows in set (0.00 sec)"."""
_NOTE = "Read as a table that is drawn with bars and dashes."


def is_drawn(head: str) -> bool:
    """Whether a text begins with names between bars and a line of dashes, above or beneath them."""
    first, second, *_ = [*(line for line in head.splitlines() if line.strip()), "", ""]
    return (_is_rule(second) and "|" in first) or (_is_rule(first) and "|" in second and not _is_rule(second))


def read_drawn(text: TextFile, folder: Path) -> Path:
    """Converts the table to a file in `folder`. Raises TableError, Misfit."""
    target = folder / "drawn.parquet"
    names: tuple[str, ...] = ()
    writer: TableWriter | None = None
    ruled = False
    with text.path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(lines(file, 0), start=1):
            if not line.strip() or ("|" not in line and writer and _COUNT.fullmatch(line.strip())):
                continue
            if _is_rule(line) and ("+" in line or not ruled):  # Markdown has one; below it, dashes are cells
                ruled = True
                continue
            cells = _cells(line)
            if writer is None:
                names = column_names(cells)
                writer = TableWriter(target, len(names))
            elif len(cells) != len(names):
                raise Misfit(
                    f"has {len(cells)} cells between bars on line {number} where its header has {len(names)}: correct "
                    "that line, with a backslash before bars in cells.",
                    number,
                )
            else:
                writer.add(cells)
    assert writer is not None  # is_drawn has seen a header
    writer.close(names, [*text.notes, _NOTE])
    return target


def _is_rule(line: str) -> bool:
    """Whether a line is made of dashes, with bars or crosses between them."""
    parts = re.split(r"[|+]", line.strip().strip("|+"))
    return ("|" in line or "+" in line) and all(map(RULE_CELL.fullmatch, parts))


def _cells(line: str) -> list[str]:
    """The cells of a line, without the bars around it and the blanks around each."""
    parts = _BAR.split(line.strip())
    begin = 1 if line.lstrip().startswith("|") else 0
    end = len(parts) - (len(parts) > 1 and not parts[-1])
    return [part.strip().replace(r"\|", "|") for part in parts[begin:end]]
