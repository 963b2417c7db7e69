"""A page's layout in another language. Pages are laid out once, before anybody looks: no word in them is a person's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from html import escape, unescape
from typing import Any

import gradio as gr

from app.ui.language import ENGLISH, language, translated

_Change = Callable[[str], str]
_NAMES = ("label", "info", "placeholder", "title", "x_title", "y_title")
"""Properties of components that are texts."""
_SAYING = {"html", "markdown", "button", "downloadbutton"}
"""Components whose value is a text of the page."""
_SPOKEN = re.compile(r'(?P<before>\s(?:aria-label|title|placeholder|alt)=")(?P<text>[^"]+)')
_BETWEEN = re.compile(r"(?P<before>>|^)(?P<text>[^<>]+)(?=<|$)")


class Pages(gr.Blocks):
    """Blocks whose pages are sent in the language of who asks for them. All else stays as it was laid out."""

    @property
    def config(self) -> Any:
        """What Gradio sends as the layout."""
        name = language()
        if name not in self._configs:
            self._configs[name] = in_language(self._configs[ENGLISH], name)
        return self._configs[name]

    @config.setter
    def config(self, config: Any) -> None:
        self._configs = {ENGLISH: config}


def in_language(config: dict[str, Any], name: str) -> dict[str, Any]:
    """A copy of a layout whose texts are translated."""
    copy: dict[str, Any] = {**config, "language": name, "components": deepcopy(config["components"])}
    for component in copy["components"]:
        change_texts(component, lambda text: translated(text, name))
    return copy


def texts_of(config: dict[str, Any]) -> Iterator[str]:
    """All texts of a layout that are translated."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    for component in deepcopy(config["components"]):
        change_texts(component, note)
    yield from found


def change_texts(component: dict[str, Any], change: _Change) -> None:
    """Changes each text of one component of a layout."""
    kind, props = component["type"], component["props"]
    if kind == "api":  # of an endpoint, which no page shows
        return
    for name in _NAMES:
        if isinstance(props.get(name), str):
            props[name] = _line_by_line(props[name], change)
    if kind in _SAYING and isinstance(props.get("value"), str):
        is_html = kind == "html"
        props["value"] = html_in(props["value"], change) if is_html else _line_by_line(props["value"], change)
    if isinstance(props.get("choices"), list):
        props["choices"] = [(_line_by_line(str(shown), change), value) for shown, value in props["choices"]]
    if isinstance(props.get("headers"), list):
        props["headers"] = [_line_by_line(header, change) for header in props["headers"]]


def html_in(html: str, change: _Change) -> str:
    """HTML with its texts and what it tells screen readers changed."""

    def changed(match: re.Match[str]) -> str:
        return match["before"] + escape(_line_by_line(unescape(match["text"]), change), quote="=" in match["before"])

    return _SPOKEN.sub(changed, _BETWEEN.sub(changed, html))


def readers_page(html: str) -> str:
    """A whole page of HTML, written in English, in the language of the reader."""
    name = language()
    if name == ENGLISH:
        return html
    return html_in(html, lambda text: translated(text, name)).replace('lang="en"', f'lang="{name}"', 1)


def _line_by_line(text: str, change: _Change) -> str:
    """Spaces around a line stay."""
    lines = []
    for line in text.split("\n"):
        words = line.strip()
        lines.append(line.replace(words, change(words)) if any(map(str.isalpha, words)) else line)
    return "\n".join(lines)
