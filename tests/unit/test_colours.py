"""The colours of the pages can be read: WCAG AA asks for a contrast of 4.5."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import app.ui.theme

STYLES = Path(app.ui.theme.__file__).with_name("studio.css").read_text(encoding="utf-8")
PAGE = {":root": "#faf8f5", ".dark": "#141210"}
"""The page's background in each scheme, as the theme sets it."""
ON_CARDS_AND_PAGE = ("text", "soft", "accent", "good", "bad", "warn")


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [":root", ".dark"])
def test_every_text_stands_out_from_what_it_stands_on(scheme: str) -> None:
    (block,) = re.findall(rf"^{re.escape(scheme)} {{(.*?)}}", STYLES, re.DOTALL | re.MULTILINE)
    colours = dict(re.findall(r"--ls-([\w-]+): (#[0-9a-f]{6});", block))
    assert app.ui.theme.theme().body_background_fill == PAGE[":root"]
    pairs = [(name, colours["card"]) for name in ON_CARDS_AND_PAGE]
    pairs += [(name, PAGE[scheme]) for name in ON_CARDS_AND_PAGE]
    pairs += [(name, colours[f"{name}-wash"]) for name in ("accent", "good", "bad", "warn")]
    pairs += [("text", colours["wash"]), ("soft", colours["wash"])]
    weak = {(name, on): contrast(colours[name], on) for name, on in pairs if contrast(colours[name], on) < 4.5}
    assert not weak
