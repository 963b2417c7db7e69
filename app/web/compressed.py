"""The pages themselves, compressed: Gradio compresses only its scripts and styles."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.middleware.gzip import GZipMiddleware

from app.web.answers import App, Receive, Scope, Send


class CompressedPages:
    """ASGI middleware. A page is 400 kB of text, and a sixth of that on its way. Answers to pages stay as they are:
    they are short, or streams."""

    def __init__(self, app: App, paths: Iterable[str]) -> None:
        """paths: of the pages, without slashes around them."""
        self._app, self._paths = app, frozenset(paths)
        self._compressing = GZipMiddleware(app, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        is_page = scope["type"] == "http" and scope["path"].strip("/") in self._paths
        await (self._compressing if is_page else self._app)(scope, receive, send)
