"""Proposes for each column of a table whether it is an input, the target or ignored, and says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lamp.config import DataConfig
from lamp.data.tables import Table
from lamp.data.tables.chat_rows import CHAT_NOTE, INPUT, TARGET
from lamp.data.usable_rows import VERDICT, VERDICT_SIGN

Role = Literal["read", "answered", "ignored"]

_TARGET_NAMES = (
    *("label", "labels", "target", "answer", "output", "category"),
    *("class", "summary", "sentiment", "intent", "completion", "response", "reply"),
)
"""Usual names of target columns, the most specific one first."""
_CHATS = (
    ((INPUT,), TARGET),
    (("prompt",), "completion"),
    (("instruction", INPUT), "output"),
    (("instruction",), "output"),
    (("instruction", "context"), "response"),
    (("instruction",), "response"),
    (("prompt",), "chosen"),
)
"""Columns of chat data: (what is read, what is answered). The last one is a pair of a better and a worse answer."""
CHAT_TEMPLATES = frozenset(
    {"{input}", "{prompt}", "{instruction}\n\n{input}", "{instruction}\n\n{context}", "{instruction}"}
)
"""What `guess_columns` makes a user's message of in chat data."""
_ROW_NUMBER_NAME = re.compile(r"idx|index|row|row_?id|unnamed: \d+|__index_level_\d+__")
_ID_NAME = re.compile(r"(?:.*[\s_-])?(?:id|uuid|guid|hash)")
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_ZONE = r"(?:z|(?:utc|gmt)(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}(?::?\d{2})?)"
_TIME = rf"\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?: ?[ap]m)?(?: ?{_ZONE})?"
_DATE = re.compile(
    rf"(?:(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\1(?:\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}\.? {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}})(?:(?:t|,? ){_TIME})?|{_TIME})",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[a-z]{2,}", re.IGNORECASE)
_CODE = re.compile(r"(?=.*\d)[\w:#/+=-]{4,}")
_MOST = 0.95
"""Share of the filled cells that must have a form for the column to count as having it."""
_LONGEST_HINT = 60
"""Longest cell, in characters, of a column that may repeat the label in other words."""
_SLICES, _SLICE_ROWS = 10, 200
"""Number and rows of the slices, at even distances, that are examined in a larger table."""


@dataclass(frozen=True)
class ColumnRole:
    """The proposal for one column."""

    column: str
    role: Role
    reason: str
    """Follows the column's name in a sentence: "holds dates"."""
    leak: str = ""
    """How its cells give the target away, in the form of `reason`; empty if they do not."""


def column_roles(table: Table, target: str = "") -> tuple[ColumnRole, ...]:
    """Returns a proposal for each column.

    target: the target column; if empty, it is chosen by name, or else by place. Columns that number or name the rows,
    contain dates or addresses, or give the target away are ignored, unless nothing would be left to read: then texts
    are read, even if few different ones are suspiciously regular for the target.
    """
    sample = _sample(table)
    cells = {column: [row[column].strip() for row in sample] for column in table.columns}
    reasons = {column: _reason_to_ignore(column, cells[column]) for column in table.columns}
    reasons |= _beside_answers(table.columns)
    target, why = (target, "is chosen") if target in cells else _target(table.columns, reasons)
    leaks = {column: _gives_away(cells[column], cells[target], target) for column in table.columns if column != target}
    ignored = {column: leak or reasons[column] for column, leak in leaks.items() if leak or reasons[column]}
    if len(ignored) == len(leaks):
        texts = [column for column in leaks if not reasons[column] and _mostly_several_words(cells[column])]
        kept = texts or [column for column, leak in leaks.items() if not leak] or list(leaks)
        ignored = {column: reason for column, reason in ignored.items() if column not in kept}
    return tuple(
        ColumnRole(column, "answered", why)
        if column == target
        else ColumnRole(column, "ignored", ignored[column], leaks[column])
        if column in ignored
        else ColumnRole(column, "read", "says what the row is about", leaks[column])
        for column in table.columns
    )


def guess_columns(table: Table) -> DataConfig:
    """Proposes input and target columns as a recipe's data section, using `column_roles`.

    Chat data is to be read in the backbone's chat format: if the backbone has none, the caller converts the result with
    `plain_reading`.
    """
    roles = column_roles(table)
    target = next(role.column for role in roles if role.role == "answered")
    inputs = tuple(role.column for role in roles if role.role == "read")
    for columns, answer in _CHATS:
        chosen = tuple(column for column in columns if column in inputs)
        if answer == target and chosen and set(columns) <= {*table.columns} and _is_chat(table, columns):
            return DataConfig(chosen, target, "\n\n".join(f"{{{column}}}" for column in chosen), "chat")
    return DataConfig(inputs, target)


def _is_chat(table: Table, columns: Sequence[str]) -> bool:
    return CHAT_NOTE in table.notes if columns == (INPUT,) else True


def plain_reading(config: DataConfig) -> DataConfig:
    """Returns the same columns in plain text, each with its name before it."""
    return replace(config, template="", input_format="plain")


def _sample(table: Table) -> list[Mapping[str, str]]:
    total = len(table.rows)
    if total <= _SLICES * _SLICE_ROWS:
        return list(table.rows)
    starts = [slice_ * (total - _SLICE_ROWS) // (_SLICES - 1) for slice_ in range(_SLICES)]
    return [row for start in starts for row in table.rows[start : start + _SLICE_ROWS]]


def _target(columns: Sequence[str], reasons: Mapping[str, str]) -> tuple[str, str]:
    """The column to answer, and why."""
    beside = _beside_answers(columns)
    lowered = {column.strip().lower(): column for column in columns if column not in beside}
    answers = [answer for asked, answer in _CHATS if {*asked, answer} <= lowered.keys()]
    names = (*_TARGET_NAMES[:3], *answers, *_TARGET_NAMES[3:])
    named = next((lowered[name] for name in names if name in lowered), None)
    if named is not None:
        return named, "has a name that answers usually have"
    telling = [column for column in columns if not reasons[column]]
    return (telling[-1], "is the last column that is not ignored") if telling else (columns[-1], "is the last column")


def _beside_answers(columns: Sequence[str]) -> dict[str, str]:
    """Columns that are no answer although they look like one, by what stands beside them, and what they are."""
    found = {}
    if {"chosen", "rejected"} <= {*columns}:
        found["rejected"] = "is the answer that was not chosen"
    if VERDICT_SIGN in columns:
        found = {column: "is written by Prodigy" for column in columns if column.startswith("_")}
        if VERDICT in columns:
            found[VERDICT] = "says whether an annotator accepted the row"
    return found


def _reason_to_ignore(column: str, cells: Sequence[str]) -> str:
    """Returns why a column is useless for any target; empty if it may be useful."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return "is empty in every row"
    name = column.strip().lower()
    one_word = not any(re.search(r"\s", cell) for cell in filled)
    if _counts_up(filled) or (_ROW_NUMBER_NAME.fullmatch(name) and all(cell.isdecimal() for cell in filled)):
        return "numbers the rows"
    if one_word and (_ID_NAME.fullmatch(name) or re.search(r"[a-z]I[dD]$", column.strip())):
        return "holds ids"
    if _mostly(filled, _DATE.fullmatch):
        return "holds dates or times"
    if _mostly(filled, _EMAIL.fullmatch):
        return "holds e-mail addresses"
    if len(filled) >= 10 and len(set(filled)) >= _MOST * len(filled) and _are_codes(filled):
        return "holds a code of its own in nearly every row"
    return ""


def _counts_up(filled: Sequence[str]) -> bool:
    """Returns whether the first cells of the table are whole numbers, each one more than the last."""
    first = filled[:_SLICE_ROWS]
    if len(first) < 5 or not all(cell.isascii() and cell.isdigit() and len(cell) <= 18 for cell in first):
        return False
    return [int(cell) for cell in first] == list(range(int(first[0]), int(first[0]) + len(first)))


def _are_codes(filled: Sequence[str]) -> bool:
    """Returns whether cells are single words with digits in them; plain numbers only if all are equally long."""
    if not _mostly(filled, _CODE.fullmatch):
        return False
    return not _mostly(filled, str.isdecimal) or len({len(cell) for cell in filled}) == 1


def _mostly_ends_with(pairs: Sequence[tuple[str, str]]) -> bool:
    return sum(cell.endswith(answer) for cell, answer in pairs) >= _MOST * len(pairs)


def _mostly_several_words(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and _mostly(filled, re.compile(r"\s").search)


def _mostly(filled: Sequence[str], has_form: Callable[[str], object]) -> bool:
    return sum(bool(has_form(cell)) for cell in filled) >= _MOST * len(filled)


def _gives_away(cells: Sequence[str], answers: Sequence[str], target: str) -> str:
    """Returns why a column cannot be known before the answer is; empty if it can."""
    pairs = [(cell, answer) for cell, answer in zip(cells, answers, strict=True) if cell and answer]
    if len(pairs) < 10:
        return ""
    if sum(cell.casefold() == answer.casefold() for cell, answer in pairs) >= _MOST * len(pairs):
        return f"says the same as {target!r}"
    # As in instruction data whose text column is the whole conversation. A passage that an answer is taken from holds
    # it as well, but mostly not at its end.
    if len({answer for _, answer in pairs}) > len(pairs) // 2 and _mostly_ends_with(pairs):
        return f"ends with {target!r}"
    labels = {answer for _, answer in pairs}
    values = {cell for cell, _ in pairs}
    few = 2 <= len(values) <= 3 * len(labels) and len(pairs) >= 3 * len(values) and len(labels) >= 2
    if few and max(map(len, values)) <= _LONGEST_HINT and len(set(pairs)) == len(values):
        return f"gives {target!r} away: each of its {len(values)} values always goes with the same one"
    return ""
