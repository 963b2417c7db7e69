"""A figure of the method with the numbers of a recipe: decompose, interact, pool."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from math import cos, pi, sin

from app.ui.language import t
from lamp.config import LampConfig

_HEIGHT = 132
_MOST_TOKENS, _MOST_DIRECTIONS = 60, 40
"""Lines that a matrix is drawn with at most."""


def figure(lamp: LampConfig, hidden_size: int | None) -> str:
    """The three steps as HTML with one picture each; "" for numbers that do not fit each other.

    hidden_size: d, the backbone's width; None while it is unknown.
    """
    if replace(lamp, initial="vocabulary").problems():
        return ""
    length, rank, pooling, terms = lamp.prompt_length, lamp.rank, lamp.pooling, lamp.interactions
    width = f"{hidden_size:,}" if hidden_size else "d"
    trained = f"{lamp.trainable_parameters(hidden_size):,}" if hidden_size else f"r (l + d + 1), r = {rank}"
    series = " + ".join(["I", *("G" if power == 1 else f"G{_raised(power)}" for power in range(1, min(terms, 4)))])
    return (
        '<div class="ls-method">'
        + _step(
            "1. Decompose",
            f"A prompt of {length:,} tokens, each {width} numbers wide, becomes three factors of rank {rank}: "
            f"{trained} numbers are trained instead of all.",
            _decompose(length, rank, width),
        )
        + _step(
            "2. Interact",
            "The directions stay apart: a plain product of the factors."
            if terms == 1
            else f"Directions that share tokens mix, through {terms} terms of a {rank} by {rank} matrix: "
            f"{series}{' + …' if terms > 4 else ''}.",
            _interact(rank, terms),
        )
        + _step(
            "3. Pool",
            f"Every {pooling} neighbours become one: {length // pooling:,} virtual tokens are read before each input."
            if pooling > 1
            else f"Nothing is averaged: {length:,} virtual tokens are read before each input.",
            _pool(length, pooling),
        )
        + "</div>"
    )


def _step(heading: str, text: str, picture: str) -> str:
    return f"<figure>{picture}<figcaption><b>{escape(t(heading))}</b> {escape(t(text))}</figcaption></figure>"


def _svg(inner: str) -> str:
    return f'<svg viewBox="0 0 260 {_HEIGHT}" aria-hidden="true">{inner}</svg>'


def _matrix(x: float, y: float, width: float, height: float, kind: str = "") -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2.5"/>'


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'


def _scaled(number: int, most: int, least_size: float, most_size: float) -> float:
    """A size that grows with the number, up to `most`."""
    return least_size + (most_size - least_size) * min(number, most) / most


def _decompose(length: int, rank: int, width: str) -> str:
    """U (l, r), q (r) and V (r, d)."""
    tall, thin = _scaled(length, 200, 34, 92), _scaled(rank, _MOST_DIRECTIONS, 8, 44)
    middle, half = 58, tall / 2
    u, q, v = 34.0, 34 + thin + 26, 34 + 2 * thin + 52
    wide = 244 - v
    return _svg(
        _matrix(u, middle - half, thin, tall, "ls-trained")
        + _label(u + thin / 2, middle + half + 14, f"U {length:,}×{rank}")
        + _matrix(q, middle - thin / 2, thin, thin)
        + "".join(
            _matrix(q + at * thin / dots, middle - thin / 2 + at * thin / dots, thin / dots, thin / dots, "ls-trained")
            for dots in [min(rank, 6)]
            for at in range(dots)
        )
        + _label(q + thin / 2, middle - thin / 2 - 7, f"q {rank}")
        + _matrix(v, middle - thin / 2, wide, thin, "ls-trained")
        + _label(v + wide / 2, middle + thin / 2 + 14, f"V {rank}×{width}")
    )


def _interact(rank: int, terms: int) -> str:
    """The directions as points of a circle, each bound to as many others as there are further terms."""
    points = min(rank, 12)
    at = [
        (130 + 44 * cos(2 * pi * point / points - pi / 2), 60 + 44 * sin(2 * pi * point / points - pi / 2))
        for point in range(points)
    ]
    lines = "".join(
        f'<line x1="{at[one][0]:.1f}" y1="{at[one][1]:.1f}" x2="{at[other][0]:.1f}" y2="{at[other][1]:.1f}"/>'
        for one in range(points)
        for step in range(1, terms)
        if (other := (one + step) % points) != one
    )
    dots = "".join(f'<circle class="ls-trained" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in at)
    return _svg(lines + dots + _label(130, 124, f"M {rank}×{rank}, K = {terms}"))


def _pool(length: int, pooling: int) -> str:
    """Prompt tokens above, virtual tokens below; of a long prompt the first ones."""
    shown = max(1, min(length, _MOST_TOKENS) // pooling) * pooling
    step = 228 / shown
    above = "".join(_matrix(16 + at * step, 18, step * 0.8, 26) for at in range(shown))
    groups = "".join(
        f'<path d="M{16 + at * pooling * step:g} 50 L{16 + (at + 0.5) * pooling * step:g} 72 '
        f'L{16 + ((at + 1) * pooling - 0.2) * step:g} 50"/>'
        + _matrix(16 + at * pooling * step, 76, pooling * step - step * 0.2, 26, "ls-trained")
        for at in range(shown // pooling)
    )
    more = " …" if shown < length else ""
    return _svg(above + groups + _label(130, 12, f"l = {length:,}{more}") + _label(130, 120, f"{length // pooling:,}"))


def _raised(power: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))
