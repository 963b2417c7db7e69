"""How every page looks: the theme, the style sheet and the script that the pages share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from app.ui.language import translated

_HERE = Path(__file__).parent
_SANS = ["ui-sans-serif", "system-ui", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]


def theme() -> gr.themes.Base:
    """Amber on warm greys, light and dark; system fonts, so that the browser downloads none."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        secondary_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=_SANS,
        font_mono=_MONO,
    ).set(
        body_background_fill="#faf8f5",
        body_background_fill_dark="#141210",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1d1a17",
        background_fill_secondary="#faf8f5",
        background_fill_secondary_dark="#181513",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1d1a17",
        block_border_color="#e9e4dd",
        block_border_color_dark="#35302b",
        border_color_primary="#e0dad2",
        border_color_primary_dark="#3b352f",
        body_text_color="#211c17",
        body_text_color_dark="#f3efe9",
        body_text_color_subdued="#6b6259",
        body_text_color_subdued_dark="#a89f95",
        block_label_text_color="#4a423a",
        block_label_text_color_dark="#cfc6bb",
        block_title_text_color="#2b251f",
        block_title_text_color_dark="#ece5dc",
        block_title_text_weight="600",
        block_info_text_color="#6b6259",
        block_info_text_color_dark="#a89f95",
        block_shadow="none",
        block_shadow_dark="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#151311",
        input_border_width="1px",
        input_border_width_dark="1px",
        checkbox_border_width="1px",
        input_border_color="#d8d1c7",
        input_border_color_dark="#453e37",
        input_border_color_focus="#d97706",
        input_border_color_focus_dark="#fbbf24",
        button_primary_background_fill="#f5a524",
        button_primary_background_fill_hover="#e8940c",
        button_primary_background_fill_dark="#f5b944",
        button_primary_background_fill_hover_dark="#ffcb62",
        button_primary_text_color="#241703",
        button_primary_text_color_dark="#241703",
        button_primary_text_color_hover="#241703",
        button_primary_text_color_hover_dark="#241703",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#26221e",
        button_secondary_background_fill_hover="#f4efe8",
        button_secondary_background_fill_hover_dark="#332d28",
        button_secondary_border_color="#d8d1c7",
        button_secondary_border_color_dark="#453e37",
        button_border_width="1px",
        button_primary_border_color="#e8940c",
        button_primary_border_color_dark="#f5b944",
        slider_color="#d97706",
        slider_color_dark="#fbbf24",
        checkbox_background_color_selected="#d97706",
        checkbox_background_color_selected_dark="#d97706",
    )


_FRAME = """<style>
html { scrollbar-gutter: stable; }
.gradio-container { overflow: clip !important; }
.gradio-container { width: 100% !important; max-width: none !important; margin: 0 !important; padding: 0 !important; }
.gradio-container main, .gradio-container .main { padding: 0 !important; max-width: none !important; width: 100%; }
.gradio-container > .main { padding: 0 14px 40px !important; }
.gradio-container:has(.ls-rail) > .main { padding-bottom: 96px !important; }
@media (min-width: 769px) {
  .gradio-container > .main { padding: 0 max(20px, 50% - 570px) 56px !important; }
  .gradio-container:has(.ls-rail) > .main { padding-bottom: 56px !important; }
}
.gradio-container:has(.ls-selected:not([hidden])) > .main { padding-bottom: 120px !important; }
.gradio-container .nav-holder { display: none !important; }
</style>"""
"""The frame of every page, which cannot stand in studio.css: Gradio applies that late, and in its media queries
rewrites the selectors so that none matches the container. Gradio draws the container once before these rules come, as
wide as the window: it keeps that place, and the margins of the page are padding within it, so that nothing moves.
It clips what is too wide, which Gradio hides: in what hides, nothing can stay in sight while the page is scrolled."""


_SCRIPTS = ("answer_stream.js", "studio.js")
_LOCALES = ("en", "zh-CN", "zh-TW")
"""Gradio's names of the languages that pages are in."""


def launch_options() -> dict[str, Any]:
    """The arguments of Blocks.launch that say how the pages look."""
    return {
        "theme": theme(),
        "css": (_HERE / "studio.css").read_text(encoding="utf-8"),
        "favicon_path": str(_HERE / "favicon.svg"),
        # Gradio serves the icon, but its pages do not name it: a browser would guess its type from ".ico".
        "head": '<link rel="icon" type="image/svg+xml" href="favicon.ico">'
        + _FRAME
        + "".join(f"<script>{(_HERE / name).read_text(encoding='utf-8')}</script>" for name in _SCRIPTS),
        "footer_links": [],
        # What Gradio tells screen readers when a wait is over; it has a text for that in no language.
        "i18n": gr.I18n(**{name: {"common.complete": translated("Done", name[:2])} for name in _LOCALES}),
        "run_history": False,
    }
