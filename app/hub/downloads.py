"""The downloads of backbones that pages have started."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum

from app.hub.download_process import run_download
from lamp.errors import BackboneError


class DownloadState(StrEnum):
    """The state of a download."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Download:
    """The current state of a download."""

    reference: str
    state: DownloadState = DownloadState.RUNNING
    done: int = 0
    """Bytes downloaded so far."""
    total: int = 0
    """Size in bytes; 0 until it is known."""
    error: str = ""

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.done / self.total if self.total else 0.0


class Downloads:
    """Downloads by the Hub id of their backbones, shared by all pages."""

    def __init__(self) -> None:
        self._downloads: dict[str, Download] = {}
        self._cancelled: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def start(self, reference: str) -> None:
        """Starts or continues a download; does nothing while it runs."""
        with self._lock:
            if self._is_running(reference):
                return
            self._downloads[reference] = Download(reference)
            cancelled = self._cancelled[reference] = threading.Event()
        threading.Thread(target=self._run, args=(reference, cancelled), daemon=True).start()

    def cancel(self, reference: str) -> None:
        """Ends a download; what has arrived is kept for the next time."""
        if reference in self._cancelled:
            self._cancelled[reference].set()

    def get(self, reference: str) -> Download | None:
        """Returns the last download of a backbone since the studio started."""
        return self._downloads.get(reference)

    def is_running(self, reference: str) -> bool:
        """Returns whether a backbone is being downloaded for a page."""
        with self._lock:
            return self._is_running(reference)

    def _is_running(self, reference: str) -> bool:
        download = self._downloads.get(reference)
        return download is not None and download.state is DownloadState.RUNNING

    def _run(self, reference: str, cancelled: threading.Event) -> None:
        def on_bytes(done: int, total: int) -> None:
            self._change(reference, done=done, total=total)

        try:
            whole = run_download(reference, on_bytes, cancelled.is_set)
            self._change(reference, state=DownloadState.DONE if whole else DownloadState.CANCELLED)
        except (BackboneError, OSError) as error:
            self._change(reference, state=DownloadState.FAILED, error=str(error))

    def _change(self, reference: str, **values: object) -> None:
        with self._lock:
            self._downloads[reference] = replace(self._downloads[reference], **values)  # type: ignore[arg-type]  # fields of any type
