"""Chat data: the last answer is the target, and what stands before it the input."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lamp.data.conversation import messages_in, readable, to_cell
from lamp.data.tables import Table, read_table
from lamp.data.tables.chat_rows import CHAT_NOTE
from lamp.data.tables.json_parse import LISTS_NOTE
from tests.unit.tables.files import Pack, Write, refusal


def turns(
    *texts: str, role: str = "role", content: str = "content", names: tuple[str, str] = ("user", "assistant")
) -> Any:
    return [{role: names[index % 2], content: text} for index, text in enumerate(texts)]


ONE = Table(
    ("input", "target"),
    [{"input": "row 0", "target": "bad"}, {"input": "row 1", "target": "good"}],
    (CHAT_NOTE,),
)
SHAREGPT: dict[str, Any] = {"role": "from", "content": "value", "names": ("human", "gpt")}


@pytest.mark.parametrize(
    "rows",
    [
        [{"messages": turns("row 0", "bad")}, {"messages": turns("row 1", "good")}],
        [{"conversations": turns(*texts, **SHAREGPT)} for texts in (("row 0", "bad"), ("row 1", "good"))],
        [
            {"prompt": turns(text), "completion": turns(answer, names=("assistant", "user"))}
            for text, answer in (("row 0", "bad"), ("row 1", "good"))
        ],
    ],
)
def test_a_conversation_of_one_turn_becomes_input_and_target(
    write: Write, pack: Pack, rows: list[dict[str, Any]]
) -> None:
    assert read_table(write("a.jsonl", "\n".join(map(json.dumps, rows)))) == ONE
    assert read_table(write("a.json", json.dumps(rows))) == ONE
    assert read_table(pack(pa.Table.from_pylist(rows))) == ONE


def test_of_a_longer_conversation_every_message_before_the_last_answer_is_input(write: Write) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *turns("Hi", "Hello", "How are you?", "Fine", "Bye")]
    row = read_table(write("a.jsonl", json.dumps({"messages": messages, "source": "web", "target": "t"}))).rows[0]
    before = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "How are you?")]
    assert messages_in(row["input"]) == before
    assert readable(row["input"]) == "system:\nBe brief.\nuser:\nHi\nassistant:\nHello\nuser:\nHow are you?"
    assert (row["target"], row["source"], row["target_column"]) == ("Fine", "web", "t")


def test_a_conversation_without_an_answer_has_no_target(write: Write) -> None:
    rows = read_table(write("a.jsonl", json.dumps({"messages": turns("Hi")}))).rows
    assert rows == [{"input": "Hi", "target": ""}]


def test_roles_have_their_usual_names_whatever_a_program_calls_them(write: Write) -> None:
    said = [("system", "s"), ("human", "a"), ("GPT", "b"), ("human", "c"), ("gpt", "d")]
    conversation = [{"from": role, "value": text} for role, text in said]
    (row,) = read_table(write("a.jsonl", json.dumps({"conversations": conversation}))).rows
    assert messages_in(row["input"]) == [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]


def test_a_content_in_parts_of_text_is_their_text(write: Write, pack: Pack) -> None:
    parts = [{"type": "text", "text": "Hi, "}, {"type": "text", "text": "you"}]
    rows = [{"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": parts[1:]}]}]
    for file in (write("a.jsonl", json.dumps(rows[0])), pack(pa.Table.from_pylist(rows))):
        assert read_table(file).rows == [{"input": "Hi, you", "target": "you"}]


def test_rows_without_messages_have_neither_input_nor_target(write: Write, pack: Pack) -> None:
    rows = [{"messages": None, "id": "a"}, {"messages": turns("Hi", "Hello"), "id": "b"}]
    for file in (write("a.jsonl", "\n".join(map(json.dumps, rows))), pack(pa.Table.from_pylist(rows))):
        read = [{name: row.get(name) for name in ("input", "target", "id")} for row in read_table(file).rows]
        assert read[0] == {"input": "", "target": "", "id": "a"}
        assert read[1] == {"input": "Hi", "target": "Hello", "id": "b"}
        assert sorted(read_table(file).columns) == ["id", "input", "target"]


def test_other_columns_beside_a_conversation_are_read_as_without_it(write: Write, pack: Pack) -> None:
    flat = {"price": Decimal("1.10"), "day": date(2024, 1, 2), "part": float("nan"), "code": b"abc"}
    nested = {"tags": [{"x": 1}], "words": ["a", "b"], "meta": {"from": "web"}, "picture": b"\xff"}
    table = read_table(pack(pa.Table.from_pylist([{"messages": turns("Hi", "Hello"), **flat, **nested}])))
    assert table.rows == [
        {
            **{"input": "Hi", "target": "Hello", "price": "1.10", "day": "2024-01-02", "part": "", "code": "abc"},
            **{"words": "a\nb", "meta.from": "web"},
        }
    ]
    left_out = "What cannot be read as text is left out: 'tags' (lists of objects), 'picture' (binary values)."
    assert set(table.notes) == {CHAT_NOTE, LISTS_NOTE, left_out}


def test_messages_as_an_object_of_lists_are_a_conversation(write: Write, pack: Pack) -> None:
    rows = [{"conversations": {"from": ["human", "gpt"], "value": ["Hi", "Hello"]}, "id": "a"}]
    for file in (write("a.jsonl", json.dumps(rows[0])), pack(pa.Table.from_pylist(rows))):
        assert read_table(file).rows == [{"input": "Hi", "target": "Hello", "id": "a"}]


def test_an_empty_conversation_has_neither_input_nor_target(write: Write) -> None:
    rows = [{"messages": turns("Hi", "Hello")}, {"messages": []}]
    table = read_table(write("a.jsonl", "\n".join(map(json.dumps, rows))))
    assert table.rows[1] == {"input": "", "target": ""}


def test_only_what_was_read_from_a_conversation_is_one() -> None:
    cell = to_cell([("user", "a"), ("assistant", "b")])
    assert messages_in(cell) == [("user", "a"), ("assistant", "b")]
    others = [
        json.dumps(json.loads(cell)),
        to_cell([("user", "a")]),
        cell[:-1],
        cell + " ",
        '[{"role":"user"}]',
        "[" * 10**5,
    ]
    assert [messages_in(other) for other in others] == [None] * len(others)
    assert readable(others[0]) == others[0]


def test_messages_that_are_not_all_text_are_no_conversation(write: Write, pack: Pack) -> None:
    picture = [{"role": "user", "content": [{"type": "image"}]}]
    for value in ([{"role": "user"}, ["Hi"]], picture):
        said = refusal(write("a.jsonl", json.dumps({"messages": value, "a": 1})))
        assert "besides 'messages' (lists of" in said and "as on line 1" in said
    texts = read_table(write("a.jsonl", json.dumps({"messages": ["Hi", "you"], "a": 1})))
    assert texts.rows == [{"messages": "Hi\nyou", "a": "1"}]
    assert read_table(pack(pa.table({"messages": [["Hi"]], "label": ["a"]}))).rows == [{"messages": "Hi", "label": "a"}]
