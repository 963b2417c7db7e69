"""The pages and the HTTP API, in Gradio."""

from app.ui.pages import build_ui
from app.ui.theme import launch_options

__all__ = ["build_ui", "launch_options"]
