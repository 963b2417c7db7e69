"""The pages in other languages: every text of a page is translated, and nothing that people or programs wrote is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.settings import Settings
from app.studio import Studio
from app.ui import build_ui, language, parts
from app.ui.language import Languages, preferred, t, texts, translated
from app.ui.runs import run_html
from app.ui.runs.results_html import answer_list
from app.ui.translated_layout import html_in, in_language, texts_of
from lamp.inference.answers import RowAnswer
from storage.database import open_database

_SAME = re.compile(
    r"LAMP Studio|sst2|hf_…|\{text\}|bfloat16|float16|float32|PEFT|transformers|HTTP API|Ollama|Hub id|owner/prompt|"
    r"curl|F1|Top-p|(apache|mit|bsd|cc0?|openrail|gemma|llama)[a-z0-9.-]*|"
    r"file|id|reference|zip|revision|backbone|template|labels|name|token|format"
)
"""What is the same in every language: names, codes, licences, and arguments of the endpoints."""
_SOURCES = ("app", "lamp", "storage")
_LANGUAGES = sorted(language.available())


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The layout of all pages, those of a studio in which people sign in among them."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_environment({"STUDIO_HOME": str(home), "STUDIO_USER_HEADER": "x-user"})
    return build_ui(Studio(settings, open_database(settings.database_url))).config


@pytest.mark.parametrize("name", _LANGUAGES)
def test_every_text_of_every_page_is_translated(layout: Any, name: str) -> None:
    missing = {text for text in texts_of(layout) if translated(text, name) == text and not _SAME.fullmatch(text)}
    assert not missing


@pytest.mark.parametrize("name", _LANGUAGES)
def test_a_translated_page_differs_in_its_texts_alone(layout: Any, name: str) -> None:
    shown = in_language(layout, name)
    assert shown["language"] == name and shown["dependencies"] == layout["dependencies"]
    for here, there in zip(layout["components"], shown["components"], strict=True):
        assert (here["id"], here["type"]) == (there["id"], there["type"])
        values = [[value for _, value in one["props"].get("choices") or []] for one in (here, there)]
        assert values[0] == values[1]


@pytest.mark.parametrize("name", _LANGUAGES)
def test_no_translation_is_of_a_text_that_the_studio_does_not_have(layout: Any, name: str) -> None:
    """The code makes sentences of pieces, so most neighbouring words of a text must stand beside each other there."""
    said = set(texts_of(layout))
    known = {pair for node in _strings_of_the_code() for pair in _neighbours(_template(node))}
    unused = []
    for text in texts(name).keys() - said:
        pairs = _neighbours(re.sub(r" \[.*\]$| *\{.*?\}", " 7", text))
        if 2 * len(pairs & known) < len(pairs):
            unused.append(text)
    assert not unused


def _neighbours(text: str) -> set[tuple[str, str]]:
    words = ["", *re.findall(r"[a-z’']+", text.lower()), ""]
    return set(pairwise(words))


@pytest.mark.parametrize("name", _LANGUAGES)
def test_a_translation_has_the_values_of_its_text(name: str) -> None:
    wrong = {text for text, translation in texts(name).items() if _fields(text) != _fields(translation)}
    assert not wrong


def _fields(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}


def _strings_of_the_code() -> Iterator[ast.expr]:
    for path in (path for folder in _SOURCES for path in Path(folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                yield node


def _template(node: ast.expr) -> str:
    """What a string says, with "7" for each value in it; "" for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)


@pytest.mark.parametrize("name", _LANGUAGES)
def test_what_a_handler_passes_on_to_be_translated_has_a_translation(name: str) -> None:
    said = {
        _template(node.args[0])
        for path in Path("app/ui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "t" and len(node.args) == 1
    }
    whole = {text for text in said if "7" not in text and any(map(str.isalpha, text))}  # others are made of pieces
    assert len(whole) > 50
    assert not {text for text in whole if text not in texts(name) and not _SAME.fullmatch(text)}


def test_a_browser_gets_the_first_of_its_languages_that_there_is() -> None:
    assert preferred("zh-CN,zh;q=0.9,en;q=0.8") == preferred("fr, zh-Hans-CN;q=0.5") == "zh"
    assert preferred("en-US,en;q=0.9,zh-CN;q=0.8") == preferred("en;q=0.4, zh;q=0.3") == "en"
    assert preferred("") == preferred("*") == preferred("fr") == preferred(";;q=x,") == "en"


def test_a_page_says_that_it_depends_on_the_language_and_other_answers_do_not() -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(t("Runs"), headers={"vary": "Accept-Encoding"})

    routes = [Route("/", page), Route("/text", lambda request: PlainTextResponse("text"))]
    client = TestClient(Languages(Starlette(routes=routes)))
    answer = client.get("/", headers={"accept-language": "zh-CN"})
    assert (answer.text, answer.headers["vary"]) == ("任务", "Accept-Encoding, Accept-Language")
    assert "vary" not in client.get("/text").headers


def test_values_are_carried_over_and_translated_only_where_the_translation_says_so() -> None:
    assert translated("Deleted 3 runs.", "zh") == "已删除 3 个任务。"
    assert translated("Step 20 of 60 · Loading the backbone", "zh") == "第 20 / 60 步 · 正在加载基座模型"
    assert translated("The data set is called Done now.", "zh") == "数据集现在名为 Done。"
    assert translated("about 5 min left", "zh") == "还需约 5 分钟"


def test_what_is_wrong_with_a_file_or_a_number_is_told_in_the_readers_language() -> None:
    assert translated("Steps must be a whole number, not 1.5.", "zh") == "“训练步数”须为整数，而不是 1.5。"
    one_column = "'a b.csv' has only one column, 'x': at least two are needed, one to read and one to answer"
    assert translated(f"{one_column}, separated by commas.", "zh").endswith("一列供作答，以逗号分隔。")


def test_sentences_are_translated_all_or_not_at_all() -> None:
    known, unknown = "The prompt clearly helps.", "Nobody has said this yet."
    further = "It was still improving at the end: train it for more steps."
    assert translated(f"{known} {further}", "zh") == translated(known, "zh") + translated(further, "zh")
    assert translated(f"{known} {unknown}", "zh") == f"{known} {unknown}"
    assert translated("Bring more rows to test on.", "zh") == "Bring more rows to test on."  # no "{low:n} to {high:n}"
    assert translated("Nothing left", "zh") == "Nothing left"  # no "{time} left"


def test_html_stays_html_whatever_a_translation_is() -> None:
    html = '<p title="a &amp; b">a &amp; b<br> two\n</p>'
    changed = html_in(html, lambda text: f'<"{text}">')
    assert changed == ('<p title="&lt;&quot;a &amp; b&quot;&gt;">&lt;"a &amp; b"&gt;<br> &lt;"two"&gt;\n</p>')


def test_names_and_labels_of_people_are_never_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A label "Done" or a column "Score" would otherwise be shown as another word."""
    monkeypatch.setattr(language, "language", lambda: "zh")
    words = ["Done", "Score", "Wrong", "Label"]
    answer = RowAnswer(0, "Search", "Done", "Score", 0.0, 0.5, "Wrong", 0.0)
    assert {"Search", "Done", "Score", "Wrong"} <= set(re.findall(r">\s*([A-Za-z]+)\s*<", answer_list([answer], 1)))
    shares = parts.shares(dict.fromkeys(words, 1)) + parts.tags(words) + parts.facts([("Name", "Done")])
    assert "<dd>Label</dd>" in run_html.facts((("Target", "Label"), ("Ends early", "never")))
    assert all(shares.count(f">{word}<") >= 2 for word in words) and "名称" in shares
