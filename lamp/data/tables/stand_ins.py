"""What programs write in place of a cell's text: \\N for nothing, and ="007" so that a spreadsheet keeps the zeros."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StandIn:
    """A way of writing a cell, and the text that it stands for."""

    note: str
    """Says to people that cells were read so."""
    cell: str
    """A regular expression for a whole cell, for Python and DuckDB alike."""
    text: str
    """What the cell becomes, in which \\1 is the group of `cell`."""
    sign: bytes
    """Stands in every file with such a cell, and is found faster than the pattern."""
    in_file: re.Pattern[bytes]
    """Finds such a cell between delimiters, roughly."""


_STAND_INS = (
    StandIn(
        r"Cells that hold \N, as databases write where there is nothing, are empty.",
        r"\\N",
        "",
        rb"\N",
        re.compile(rb"[,;|\t\r\n]\\N(?:[,;|\t\r\n]|$)"),
    ),
    StandIn(
        'Cells such as ="007", as spreadsheets guard texts, are read as the text in the quotes.',
        r'="([^"]*)"',
        r"\1",
        b'="',
        re.compile(rb'[,;|\t\r\n](?:="|"="")'),
    ),
)


def stand_ins_in(part: bytes) -> list[StandIn]:
    """Those that cells of a part of a delimited file seem to hold."""
    return [one for one in _STAND_INS if one.sign in part and one.in_file.search(part)]


def as_text(cell: str, stand_ins: Sequence[StandIn]) -> str:
    """The text that a cell stands for."""
    for one in stand_ins:
        if match := re.fullmatch(one.cell, cell):
            return match.expand(one.text)
    return cell


def as_text_sql(name: str, stand_ins: Sequence[StandIn]) -> str:
    """SQL for the text that the cell of a column stands for."""
    for one in stand_ins:
        name = f"regexp_replace({name}, '^(?:{one.cell})$', '{one.text}')"
    return name
