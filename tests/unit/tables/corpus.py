"""More than a hundred odd files, as people's programs write them and as accidents leave them: name → content.

`python -m tests.unit.tables.corpus` writes what becomes of each into corpus.txt, for a person to read and to commit.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import parquet

from lamp.data.tables import read_table
from lamp.errors import DataError

SNAPSHOT = Path(__file__).with_name("corpus.txt")
_MOST_ROWS = 4
_ROWS = "text,label\ngood film,pos\nbad film,neg\nfine film,pos\n"
_OBJECTS = [{"text": "good film", "label": "pos"}, {"text": "bad film", "label": "neg"}]
_MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
_CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "weather", "arguments": "{}"}}]}
_PARTS = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "http://a.b/c.png"}}]
_MESSAGES_LINE = json.dumps({"messages": _MESSAGES}) + "\n"
_LINES = "".join(json.dumps(row) + "\n" for row in _OBJECTS)


def _parquet(**columns: object) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _labelled(**columns: object) -> bytes:
    """As the datasets library stores labels: numbers, with their names in the schema."""
    features = {"label": {"names": ["neg", 'it\'s "pos"'], "_type": "ClassLabel"}}
    described = json.dumps({"info": {"features": features}})
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns).replace_schema_metadata({"huggingface": described}), sink)
    return sink.getvalue()


def _zip(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("rows.csv", content)
    return sink.getvalue()


DELIMITED: dict[str, str | bytes] = {
    "plain.csv": _ROWS,
    "plain-tabs.tsv": _ROWS.replace(",", "\t"),
    "semicolons.csv": _ROWS.replace(",", ";"),
    "bars.csv": _ROWS.replace(",", "|"),
    "tabs-in.csv": _ROWS.replace(",", "\t"),
    "commas-in.tsv": _ROWS,
    "no-newline-at-the-end.csv": _ROWS.rstrip(),
    "windows-newlines.csv": _ROWS.replace("\n", "\r\n"),
    "old-mac-newlines.csv": _ROWS.replace("\n", "\r"),
    "mixed-newlines.csv": "text,label\r\na b,pos\nc d,neg\r\n",
    "blank-lines.csv": "\n\ntext,label\n\na,pos\n\n\nb,neg\n\n",
    "blank-before-the-header.csv": "   \ntext,label\na,pos\n",
    "byte-order-mark.csv": "\ufeff" + _ROWS,
    "utf-16.csv": ("\ufeff" + _ROWS).encode("utf-16-le"),
    "utf-16-big.csv": ("\ufeff" + _ROWS).encode("utf-16-be"),
    "windows-1252.csv": "text,label\nZürich für 5 €,pos\ncafé,neg\n".encode("cp1252"),
    "latin-1.csv": "text,label\nnaïve café,pos\nGrüße,neg\n".encode("latin-1"),
    "mac-roman.csv": "text,label\nniño pequeño con corazón,pos\ncafé crème,neg\n".encode("mac_roman"),
    "dos.csv": "text,label\nZürich ist schön,pos\nGrüße für alle,neg\n".encode("cp850"),
    "turkish.csv": "text,label\nçok güzel şey,pos\nkötü değil,neg\n".encode("cp1254"),
    "hungarian.csv": "text,label\nnagyon szép idő,pos\nüröm tűz,neg\n".encode("cp1250"),
    "iso-2022-jp.csv": "文,札\nとても良い映画でした,良\n".encode("iso2022_jp"),
    "two-encodings.csv": "text,label\nZürich,pos\n".encode() + "Grüße,neg\n".encode("cp1252"),
    "two-marks.csv": "\ufeff\ufeff" + _ROWS,
    "utf-32.csv": _ROWS.encode("utf-32"),
    "control-z.csv": _ROWS.encode() + b"\x1a",
    "shift-jis.csv": "text,label\nとても良い映画でした。また見たいです,pos\n退屈で眠くなる映画でした,neg\n".encode(
        "shift-jis"
    ),
    "half-a-character.csv": _ROWS.encode() + b"half \xe2\x82,neg\n",
    "half-a-character-among-others.csv": "text,label\nZürich ist schön,pos\n".encode() + b"half \xe2\x82,neg\n",
    "null-bytes.csv": b"text,label\na\x00b,pos\nc,neg\n",
    "control-characters.csv": "text,label\nbell \x07,pos\nescape \x1b[31m,neg\n",
    "quoted.csv": 'text,label\n"a, b",pos\n"say ""hi""",neg\n',
    "quoted-lines.csv": 'text,label\n"one\ntwo",pos\nthree,neg\n',
    "quote-within.csv": 'text,label\n5" screen,pos\na 6" one,neg\n',
    "quote-never-closed.csv": 'text,label\n"never closed,pos\nb,neg\n',
    "quote-after-blank.csv": 'text,label\na, "b"\nc, "d"\n',
    "text-after-quote.csv": 'text,label\n"a" b,pos\nc,neg\n',
    "single-quotes.csv": "text,label\n'a, b',pos\n",
    "backslash-quotes.csv": 'text,label\n"say \\"hi\\"",pos\nb,neg\n',
    "too-many-cells.csv": "text,label\na,pos\nb,neg,more\nc,pos\n",
    "too-few-cells.csv": "text,label\na,pos\nb\nc,neg\n",
    "empty-cells-at-the-end.csv": "text,label,,\na,pos,,\nb,neg,,\n",
    "only-a-header.csv": "text,label\n",
    "one-column.csv": "text\na\nb\n",
    "no-header.csv": "1,2\n3,4\n",
    "the-same-name-twice.csv": "text,text,label\na,b,pos\n",
    "a-column-without-name.csv": "text,,label\na,b,pos\n",
    "names-with-blanks.csv": " text , label \na,pos\n",
    "many-columns.csv": ",".join(f"c{number}" for number in range(1200)) + "\n" + ",".join("x" * 1200) + "\n",
    "a-comment.csv": "# made by a program\ntext,label\na,pos\n",
    "a-title.csv": "Films of 2024\ntext,label\na,pos\nb,neg\n",
    "separator-line.csv": "sep=;\ntext;label\na;pos\n",
    "thousands.csv": 'city,people,label\nBern,"1,234,567",big\nThun,"45,000",small\n',
    "thousands-with-semicolons.csv": "city;people;label\nBern;1,234,567;big\nThun;45,000;small\n",
    "delimiter-at-the-end-of-rows.csv": "text,label\na,pos,\nb,neg,\n",
    "delimiter-at-the-end-of-the-header.csv": "text,label,\na,pos\nb,neg\n",
    "two-bars.csv": _ROWS.replace(",", "||"),
    "rows-in-quotes.csv": '"text,label"\n"a,pos"\n"b,neg"\n',
    "backslash-commas.csv": "text,label\na\\, b,pos\nc,neg\n",
    "excel-texts.csv": 'text,label\n="007",pos\n="008",neg\n',
    "header-in-two-lines.csv": ",Reviews,Reviews\nid,text,label\n1,a,pos\n",
    "web-addresses.csv": "url,label\nhttp://a.b/?x=1;y=2|z,pos\nhttp://c.d/?x=1;y=2|z,neg\n",
    "every-line-ending.csv": b"text,label\r\na,pos\nb,neg\rc,pos\r\n",
    "decimal-commas.csv": "price;label\n0,50;low\n12,00;high\n",
    "comma-in-the-header.csv": "Amount, EUR;kind\n0,50;rent\n9,00;food\n",
    "numbers.csv": "a,b,label\n1.10,007,1e5\n-0,+5,0x1f\n",
    "words-for-nothing.csv": "text,label\nNA,null\nNone,nan\nN/A,\n",
    "booleans.csv": "text,label\na,True\nb,FALSE\n",
    "formulas.csv": "text,label\n=1+1,pos\n@SUM(A1),neg\n",
    "emoji.csv": "text,label\n🙂🙂,👍\n🏳️‍🌈,👎\n",
    "right-to-left.csv": "text,label\nمرحبا,pos\nשלום,neg\n",
    "combined-characters.csv": "text,label\nZu\u0308rich,pos\nZürich,neg\n",
    "line-separators.csv": "text,label\na\u2028b,pos\nc\x85d,neg\n",
    "no-break-spaces.csv": "text,label\na\u00a0b,pos\n\u00a0,neg\n",
    "html-instead.csv": "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "json-instead.csv": '{"text": "a", "label": "pos"}\n',
    "a-picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a-document.csv": b"%PDF-1.7\n" + bytes(40),
    "empty.csv": "",
    "only-blanks.csv": "  \n\n \n",
    "two-tables.csv": _ROWS + "\ncity,size\nBern,big\nThun,small\n",
    "two-tables-of-other-widths.csv": _ROWS + "\nid,city,size\n1,Bern,big\n",
    "joined-files.csv": "\ufeff" + _ROWS + "\ufeff" + _ROWS,
    "markdown.csv": "| text | label |\n| :--- | ---: |\n| good film | pos |\n| a \\| b | |\n",
    "markdown-without-outer-bars.csv": "text | label\n--- | ---\ngood film | pos\n",
    "markdown-short-row.csv": "| text | label |\n|---|---|\n| good film |\n",
    "psql.csv": " text | label \n------+-------\n good | pos\n bad  | neg\n(2 rows)\n",
    "mysql-drawn.csv": "+------+-------+\n| text | label |\n+------+-------+\n| good | pos   |\n+------+-------+\n",
    "dashes-beneath-the-header.csv": "text,label\n----,-----\na,pos\nb,neg\n",
    "comma-and-tab.csv": "text,\tlabel\ngood, film,\tpos\nbad film,\tneg\n",
    "mysql-nulls.tsv": "text\tlabel\ngood film\tpos\n\\N\tneg\nfine\t\\N\na \\N b\tpos\n",
    "guarded-in-quotes.csv": 'text,label\ngood film,"=""007"""\nbad film,="a"&"b"\n',
    "header-in-two-lines-with-gaps.csv": "Review,,Rating\ntext,lang,label\ngood film,en,pos\n",
    "row-numbers-without-name.csv": ",text,label\n0,a,answer\n1,b,question\n",
    "comments-with-commas.csv": '# exported on 2024-01-02, "by" me,"a" b\n# all of them\ntext,label\na,pos\nb,neg\n',
    "comments-above-a-marked-header.tsv": "##version=4\n##source, x\n#text\tlabel\na\tpos\nb\tneg\n",
    "hashtags-without-header.csv": "#love this,pos\n#sad,neg\ngood,pos\n",
    "fixed-width.csv": "text                label\ngood film           pos\nbad, film           neg\n",
    "carriage-returns-in-quotes.csv": 'text,label\n"a\rb",pos\n"c\r\nd",neg\n',
    "vertical-tabs.csv": "text,label\na\x0bb,pos\nc\x0cd,neg\n",
    "a-total.csv": "city,people\nBern,3\nThun,4\nTotal,7\n",
    "separator-line-filled-up.csv": "sep=;;\ntext;label;price\na;pos;1,5\n",
    "separator-line-of-another-delimiter.csv": "sep=;,\ntext,label\na;b,pos\n",
    "separator-line-in-quotes.csv": '"sep=;"\ntext;label\na;pos\n',
    "qualtrics.csv": 'Q1,Q2\n"How was it, overall?","Again?"\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'
    "Good,Yes\n",
    "google-forms.csv": '"Timestamp","How was it?\n(optional)","Again?"\n'
    '"2024/03/01 9:12:33 AM GMT+1","Great!\nGo on","Yes;No"\n',
    "decimal-commas-in-quotes.csv": 'text,price,label\n"a","1,50",pos\n"b","2.002,75",neg\n',
    "anki.tsv": "#separator:tab\n#html:true\n#tags column:3\nBonjour\tHello\tfrench\nMerci\tThanks\tfrench\n",
    "excel-errors.csv": "text,label\n#N/A,pos\ngood,#REF!\n",
    "marks-of-direction.csv": "text,label\n\u200fشكرا\u200f,a\n\u202bטוב\u202c,b\n",
    "joined-emoji.csv": "text,label\n👨\u200d👩\u200d👧,👍🏽\nx,👍\n",
    "joined-without-newline.csv": "text,label\na,pos\nb,negtext,label\nc,pos\n",
    "nul-bytes-at-the-end.csv": _ROWS.encode() + bytes(64),
    "a-total-without-name.csv": "city,region,people\nBern,BE,3\nThun,BE,4\n,,7\n",
    "git-lfs-pointer.csv": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
}
JSON: dict[str, str | bytes] = {
    "lines.jsonl": _LINES,
    "lines-in.json": _LINES,
    "list.json": json.dumps(_OBJECTS),
    "list-in.jsonl": json.dumps(_OBJECTS),
    "indented.jsonl": "\n".join(json.dumps(row, indent=1) for row in _OBJECTS),
    "in-data.json": json.dumps({"version": 1, "data": _OBJECTS}),
    "columns.json": json.dumps({"text": ["a", "b"], "label": ["pos", "neg"]}),
    "pandas-columns.json": json.dumps({"text": {"0": "a", "1": "b"}, "label": {"0": "pos", "1": "neg"}}),
    "pandas-split.json": json.dumps({"columns": ["text", "label"], "index": [0, 1], "data": [["a", "x"], ["b", "y"]]}),
    "by-id.json": json.dumps({"k1": _OBJECTS[0], "k2": _OBJECTS[1]}),
    "lists-of-cells.json": json.dumps([["text", "label"], ["a", "pos"]]),
    "one-object.json": json.dumps(_OBJECTS[0]),
    "texts-alone.json": json.dumps(["a", "b"]),
    "a-number.json": "5",
    "nested.jsonl": '{"text": {"title": "a", "body": "b"}, "label": 1}\n{"text": {"title": "c"}, "label": 2}\n',
    "lists-as-cells.jsonl": '{"text": ["a", "b"], "label": "pos"}\n',
    "types-mixed.jsonl": '{"text": 1.10, "label": true}\n{"text": "b", "label": null}\n{"label": "x"}\n',
    "big-numbers.jsonl": '{"text": 12345678901234567890123, "label": 1e400}\n',
    "not-a-number.jsonl": '{"text": NaN, "label": "pos"}\n',
    "other-keys.jsonl": '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg", "extra": 1}\n',
    "a-key-twice.jsonl": '{"text": "a", "text": "b", "label": "pos"}\n',
    "comma-too-many.jsonl": _LINES + '{"text": "c", "label": "pos",}\n',
    "cut-off.jsonl": _LINES + '{"text": "c", "lab',
    "cut-off.json": json.dumps(_OBJECTS)[:-8],
    "single-quotes.json": "[{'text': 'a', 'label': 'pos'}]",
    "two-lists.json": json.dumps({"train": _OBJECTS, "test": _OBJECTS}),
    "lists-of-objects.jsonl": json.dumps({**_OBJECTS[0], "spans": [{"from": 1}]}),
    "no-messages.jsonl": '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    '{"messages": null}\n',
    "comments.json": '// rows\n[{"text": "a", "label": "pos"}]',
    "lone-surrogate.jsonl": '{"text": "a \\ud83d b", "label": "pos"}\n',
    "messages.jsonl": json.dumps(
        {"messages": [{"role": "user", "content": "Capital of France?"}, {"role": "assistant", "content": "Paris"}]}
    ),
    "sharegpt.jsonl": json.dumps(
        {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]}
    ),
    "tool-calls.jsonl": _MESSAGES_LINE + json.dumps({"messages": [*_MESSAGES[:1], _CALL, _MESSAGES[1]]}) + "\n",
    "openai-weights.jsonl": json.dumps({"messages": [_MESSAGES[0], {**_MESSAGES[1], "weight": 1}]}) + "\n",
    "openai-parts.jsonl": json.dumps({"messages": [{"role": "user", "content": _PARTS}, _MESSAGES[1]]}) + "\n",
    "prodigy.jsonl": '{"text": "a", "label": "POS", "_input_hash": -7, "_task_hash": 9, "answer": "accept"}\n'
    '{"text": "b", "label": "POS", "_input_hash": 3, "_task_hash": 4, "answer": "reject"}\n',
    "doccano.jsonl": '{"id": 1, "text": "a", "label": ["x", "y"], "Comments": []}\n'
    '{"id": 2, "text": "b", "label": []}\n',
    "doccano-spans.jsonl": '{"id": 1, "text": "Anna", "label": [[0, 4, "PER"]]}\n',
    "label-studio.json": json.dumps(
        [{"id": 1, "data": {"text": "a"}, "annotations": [{"result": [{"value": {"choices": ["pos"]}}]}], "meta": {}}]
    ),
    "label-studio-min.json": json.dumps([{"text": "a", "id": 1, "sentiment": "pos", "lead_time": 3.5}]),
    "dolly.jsonl": '{"instruction": "Who?", "context": "Anna.", "response": "Anna", "category": "qa"}\n',
    "preferences.jsonl": '{"prompt": "Hi", "chosen": "Hello", "rejected": "Go"}\n',
    "preferred-chats.jsonl": json.dumps({"chosen": _MESSAGES, "rejected": _MESSAGES}) + "\n",
    "ultrachat.jsonl": '{"id": "0", "data": ["Hi", "Hello"]}\n',
    "squad.json": json.dumps({"data": [{"title": "T", "paragraphs": [{"context": "Bern.", "qas": []}]}]}),
    "dataset-viewer.json": json.dumps({"rows": [{"row_idx": 0, "row": _OBJECTS[0], "truncated_cells": []}]}),
    "elastic.jsonl": '{"_index": "i", "_id": "1", "_source": {"text": "a", "label": "pos"}}\n',
    "comma-after-each-line.jsonl": _LINES.replace("}\n", "},\n"),
    "numbers-and-texts-as-labels.jsonl": '{"text": "a", "label": 1}\n{"text": "b", "label": 1.0}\n'
    '{"text": "c", "label": "1"}\n{"text": "d", "label": true}\n',
    "deep.json": "[" * 3000 + "]" * 3000,
    "empty-list.json": "[]",
    "byte-order-mark.json": "\ufeff" + json.dumps(_OBJECTS),
}
OTHERS: dict[str, str | bytes] = {
    "rows.parquet": _parquet(text=["a", "b"], label=["pos", None]),
    "types.parquet": _parquet(n=pa.array([1, 2]), x=pa.array([1.5, None]), b=pa.array([True, False])),
    "dictionary.parquet": _parquet(text=["a", "b"], label=pa.array(["x", "y"]).dictionary_encode()),
    "lists.parquet": _parquet(text=["a"], tags=pa.array([["x", "y"]])),
    "objects.parquet": _parquet(text=pa.array([{"title": "a", "body": "b"}, None]), label=["x", "y"]),
    "lists-of-objects.parquet": _parquet(text=["a"], label=["x"], spans=pa.array([[{"from": 1}]])),
    "picture.parquet": _parquet(text=["a"], picture=pa.array([{"bytes": b"\xff\xd8", "path": "a.jpg"}])),
    "messages.parquet": _parquet(messages=pa.array([_MESSAGES, None]), price=pa.array([Decimal("1.10"), None])),
    "messages-as-lists.parquet": _parquet(
        conversations=pa.array([{"from": ["human", "gpt"], "value": ["a", "b"]}]), id=["x"]
    ),
    "named-labels.parquet": _labelled(text=["a", "b", "c"], label=[0, 1, -1]),
    "large-strings.parquet": _parquet(text=pa.array(["a"], pa.large_string()), label=pa.array(["x"], pa.string_view())),
    "maps.parquet": _parquet(text=["a"], more=pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())), label=["x"]),
    "decimals-and-times.parquet": _parquet(
        price=pa.array([Decimal("1.10")]),
        at=pa.array([datetime(2024, 1, 2, 3, 4, 5)]),
        big=pa.array([2**64 - 1], pa.uint64()),
    ),
    "durations.parquet": _parquet(
        s=pa.array([90003, -5, None], pa.duration("s")),
        ms=pa.array([timedelta(hours=1, milliseconds=500), timedelta(), None], pa.duration("ms")),
        ns=pa.array([1_000_000_005, 0, None], pa.duration("ns")),
    ),
    "bytes.parquet": _parquet(text=pa.array([b"a"]), label=["x"]),
    "no-rows.parquet": _parquet(text=pa.array([], pa.string())),
    "cut-off.parquet": _parquet(text=["a", "b"])[:-10],
    "no-parquet.parquet": _ROWS,
    "packed.csv.gz": gzip.compress(_ROWS.encode()),
    "packed.jsonl.gz": gzip.compress(_LINES.encode()),
    "not-packed.csv.gz": _ROWS,
    "cut-off.csv.gz": gzip.compress(_ROWS.encode())[:-9],
    "packed-twice.csv.gz": gzip.compress(gzip.compress(_ROWS.encode())),
    "two-members.csv.gz": gzip.compress(b"text,label\na,pos\n") + gzip.compress(b"b,neg\n"),
    "junk-at-the-end.csv.gz": gzip.compress(_ROWS.encode()) + b"junk",
    "html-as.xls": "<html><table><tr><td>text</td></tr></table></html>",
    "archive.zip": _zip(_ROWS.encode()),
    "archive-as.csv": _zip(_ROWS.encode()),
    "no-workbook.xlsx": _ROWS,
    "rows.txt": _ROWS,
    "rows": _ROWS,
}
CORPUS: dict[str, bytes] = {
    name: content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    for name, content in {**DELIMITED, **JSON, **OTHERS}.items()
}


def outcome(name: str, content: bytes, folder: Path) -> str:
    """What becomes of a file, as lines of text: its columns, first rows and notes, or the sentence that refuses it."""
    path = folder / name
    path.write_bytes(content)
    try:
        table = read_table(path)
        columns = (
            table.columns if len(table.columns) <= 10 else (*table.columns[:3], f"and {len(table.columns) - 3} more")
        )
        rows = [list(row.values())[:10] for row in table.rows[:_MOST_ROWS]]
    except DataError as error:
        return f"refused: {error}"
    lines = [f"{len(table.rows)} rows of {list(columns)!a}", *map(ascii, rows)]
    return "\n  ".join([*lines, *(f"note: {note}" for note in table.notes)])


def report() -> str:
    """What becomes of every file."""
    with TemporaryDirectory() as folder:
        return "".join(f"{name}\n  {outcome(name, content, Path(folder))}\n" for name, content in CORPUS.items())


if __name__ == "__main__":
    SNAPSHOT.write_text(report(), encoding="utf-8")
