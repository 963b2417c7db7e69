"""Draws pictures for a model card: the training curve of a run, and a badge; as PNG, which every page shows."""

from __future__ import annotations

import io
from collections.abc import Sequence

Points = Sequence[tuple[int, float]]

_WIDTH, _HEIGHT = 1280, 560
_LEFT, _TOP, _RIGHT, _BOTTOM = 110, 70, 1250, 490
_INK, _GRID, _BACK = "#374151", "#e5e7eb", "#ffffff"
_LOSS, _SCORE = "#2563eb", "#c2410c"
_TICKS = 5


def curve_png(loss: Points, score: Points, score_name: str) -> bytes:
    """Draws the training loss and, on an axis of its own at the right, a score on the validation rows.

    loss: (step, value), at least two; score: any number of them.
    """
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (_WIDTH, _HEIGHT), _BACK)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    steps = max(step for step, _ in (*loss, *score)) or 1
    right = _RIGHT - 90 if score else _RIGHT
    for tick in range(_TICKS):
        share = tick / (_TICKS - 1)
        y, x = _BOTTOM - share * (_BOTTOM - _TOP), _LEFT + share * (right - _LEFT)
        draw.line([(_LEFT, y), (right, y)], _GRID, 2)
        draw.text((x, _BOTTOM + 14), f"{share * steps:.0f}", _INK, font, "ma")
    draw.text(((_LEFT + right) / 2, _BOTTOM + 46), "step", _INK, font, "ma")
    for points, colour, name, at, anchor in (
        (loss, _LOSS, "training loss", _LEFT - 14, "r"),
        (score, _SCORE, f"{score_name} on the validation rows", right + 14, "l"),
    ):
        if not points:
            continue
        low, high = _limits(points)
        for tick in range(_TICKS):
            share = tick / (_TICKS - 1)
            y = _BOTTOM - share * (_BOTTOM - _TOP)
            draw.text((at, y), f"{low + share * (high - low):.3g}", colour, font, f"{anchor}m")
        edge = _LEFT if colour == _LOSS else right
        draw.text((edge, _TOP - 44), name, colour, font, "la" if colour == _LOSS else "ra")
        places = [
            (_LEFT + step / steps * (right - _LEFT), _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP))
            for step, value in points
        ]
        draw.line(places, colour, 4, "curve")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _limits(points: Points) -> tuple[float, float]:
    """Returns the limits of an axis from 0, or the lowest value if it is negative, to the highest one; never equal."""
    values = [value for _, value in points]
    low, high = min(0.0, *values), max(values)
    return (low, high) if high > low else (low, low + 1.0)


def badge_png(text: str) -> bytes:
    """Draws a button with a few words."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(26)
    width = int(font.getlength(text)) + 48
    image = Image.new("RGBA", (width, 56))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, width - 1, 55), 12, "#92400e")
    draw.text((width / 2, 28), text, "#ffffff", font, "mm")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
