"""The pages and the HTTP API, in Gradio."""

from app.ui.pages import build_ui
from app.ui.serving import web_app

__all__ = ["build_ui", "web_app"]
