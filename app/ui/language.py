"""The language of who looks at a page: texts are written in English where they are used, and translated here.

`texts/` has one file a language, from each English text to its translation. A page's layout is translated as a whole
(app.ui.translated_layout); a handler passes what it says through `t`. Programs ask for no language and get English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from gradio.context import LocalContext
from starlette.datastructures import MutableHeaders

from app.web.answers import App, Message, Receive, Scope, Send, header

ENGLISH = "en"
_FOLDER = Path(__file__).parent / "texts"
_NUMBER = r"[+−-]?\d[\d.,]*(?: (?:%|bytes|[kMGT]?B|M))?"
"""Also with its sign, and with a unit behind it."""
_LONGEST = 2000
"""Characters of a text; what is longer quotes somebody's."""
_FULL_STOPS = "。？！：；"
"""After these, which bring their own space, no other follows."""
_requested: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Languages:
    """ASGI middleware: notes for each request which language its browser prefers, for the layout of pages.

    A page says that it depends on that, so that no cache between keeps it for readers of another language.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _requested.set(preferred(header(scope, b"accept-language") or ""))

        async def send_varied(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if answer.get("content-type", "").startswith("text/html"):
                    answer.add_vary_header("Accept-Language")
            await send(message)

        await self._app(scope, receive, send_varied)


def language() -> str:
    """The language of the request that is being answered: "en", or the name of a file in `texts/`."""
    request = LocalContext.request.get(None)  # of an event, which Gradio may answer in a task of its own
    if request is None:
        return _requested.get()
    return preferred(request.headers.get("accept-language", ""))


@lru_cache(1024)
def preferred(accepted: str) -> str:
    """The first of the languages in an Accept-Language header that there are texts in; English if there is none."""
    tags = [part.strip().partition(";") for part in accepted.lower().split(",")]
    tags.sort(key=lambda tag: -_weight(tag[2]))
    names = (name.partition("-")[0] for name, _, _ in tags)
    return next((name for name in names if name == ENGLISH or name in available()), ENGLISH)


def _weight(quality: str) -> float:
    found = re.fullmatch(r"\s*q=([\d.]{1,6})\s*", quality)
    try:
        return float(found[1]) if found else 1.0
    except ValueError:
        return 0.0


@cache
def available() -> frozenset[str]:
    """The languages beside English."""
    return frozenset(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def texts(name: str) -> Mapping[str, str]:
    """English text → its translation."""
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def t(english: str, sense: str = "") -> str:
    """An English text in the language of the reader; as it is where there is no translation.

    sense: tells apart what English has one word for: ("Token", "of a prompt") has the key "Token [of a prompt]".

    A text with values in it, such as "Step 20 of 60", is found by its template, "Step {step:n} of {steps:n}": `:n`
    stands for a number. In the translation `{name:t}` is a value that is translated too, and must be known. Of several
    sentences, each may be a text of its own; then all must be known.
    """
    name = language()
    if sense and name != ENGLISH:
        return texts(name).get(f"{english} [{sense}]", english)
    return translated(english, name)


def translated(english: str, name: str) -> str:
    """The same in a given language."""
    return english if name == ENGLISH or len(english) > _LONGEST else _translated(english, name)


@lru_cache(8192)
def _translated(english: str, name: str) -> str:
    known = texts(name).get(english)
    if known is not None:
        return known
    found = [_lookup(sentence, name) for sentence in re.split(r"(?<=[.!?…]) (?=\S)", english)]
    if None not in found:
        return _joined(sentence for sentence in found if sentence)
    whole = _lookup(english, name)
    return english if whole is None else whole


def _joined(sentences: Iterator[str]) -> str:
    text = ""
    for sentence in sentences:
        text += sentence if not text or text[-1] in _FULL_STOPS else f" {sentence}"
    return text


def _lookup(english: str, name: str) -> str | None:
    known = texts(name).get(english)
    if known is not None:
        return known
    for template in _templates(name):
        if template.longest in english and (match := template.pattern.fullmatch(english)):
            try:
                return _Filling(name).vformat(template.translation, (), match.groupdict())
            except LookupError:
                continue
    return None


class _Template(NamedTuple):
    longest: str
    """Its longest part between two values: a text without it is no instance of this template."""
    pattern: re.Pattern[str]
    translation: str


@cache
def _templates(name: str) -> tuple[_Template, ...]:
    """Those with the most words of their own first, then those with the most numbers: they fit most exactly."""
    made: list[tuple[tuple[int, int], _Template]] = []
    for english, translation in texts(name).items():
        pieces = list(Formatter().parse(english)) if "{" in english else []
        if not any(field for _, field, _, _ in pieces):
            continue
        pattern = "".join(re.escape(literal) + _group(field, spec) for literal, field, spec, _ in pieces)
        literals = [literal for literal, _, _, _ in pieces]
        longest = max(literals, key=len)
        rank = sum(map(len, literals)), english.count(":n}")
        made.append((rank, _Template(longest, re.compile(pattern, re.DOTALL), translation)))
    return tuple(template for _, template in sorted(made, key=lambda one: one[0], reverse=True))


def _group(field: str | None, spec: str | None) -> str:
    return f"(?P<{field}>{_NUMBER if spec == 'n' else '.+?'})" if field else ""


class _Filling(Formatter):
    """Fills a translation with the values of its English text. Raises LookupError where one has no translation."""

    def __init__(self, name: str) -> None:
        self._name = name

    def format_field(self, value: Any, spec: str) -> str:
        if spec != "t":
            return str(value)
        known = _lookup(str(value), self._name)
        if known is None:
            raise LookupError(value)
        return known
