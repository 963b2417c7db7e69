"""Opening a page costs the server next to nothing, and the page's state is its own."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from gradio.blocks import BlocksConfig
from gradio.state_holder import StateHolder

from app.ui.page_state import describe_components_when_asked


def test_a_page_is_opened_without_a_description_of_its_components(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as demo:
        box, kept = gr.Textbox("typed"), gr.State([])
    described: list[int] = []
    real = BlocksConfig.config_for_block

    def describe(id: int, rendered: list[int], block: Any) -> object:
        described.append(id)
        return real(id, rendered, block)

    monkeypatch.setattr(BlocksConfig, "config_for_block", staticmethod(describe))
    describe_components_when_asked()
    pages = StateHolder()
    pages.set_blocks(demo)
    first, second = pages["first"], pages["second"]
    first[kept._id].append("hers")
    assert described == [] and second[kept._id] == [] and first[box._id] is box
    first._update_value_in_config(box._id, "changed")
    assert described == [box._id]
    assert [part["props"]["value"] for part in first.components] == ["changed"]
