"""What the server keeps of an opened page, without a description of every component."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState

_keep = SessionState.__init__


def describe_components_when_asked() -> None:
    """Makes opening a page cheap.

    For deep links, which the studio has none of, Gradio describes all components anew for each page that is opened:
    nearly a tenth of a second of the server's one loop. What is missing it describes when a value of it changes.
    """
    setattr(SessionState, "__init__", _keep_undescribed)  # noqa: B010


def _keep_undescribed(state: SessionState, blocks: gr.Blocks) -> None:
    undescribed: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
    _keep(state, undescribed)
