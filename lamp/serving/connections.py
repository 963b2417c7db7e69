"""Connections on which no request arrives in time, or no answer is read, are closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 30.0
"""How long the headers of a request may take; those of most clients come at once."""
UNREAD_SECONDS = 60.0
"""How long a client may leave what it was sent unread, once there is more of it than the system keeps."""


class Connection(H11Protocol):
    """One connection. uvicorn itself waits for ever for the end of a request's headers.

    The time of a request's body is its reader's to limit, and that of the pause between two requests uvicorn's.
    """

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Goes on to wait, unless a request is complete now; further bytes give it no further time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        super().connection_lost(exc)
        self._stop_watching()
        self._is_read()

    def pause_writing(self) -> None:
        """Waits until the client reads on: until then nothing more is made for it."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        self._is_read()

    @property
    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        if self._answers:
            self._stop_watching()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._end)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _end(self) -> None:
        self._deadline = None
        if not self._answers:
            self.transport.abort()
