"""The server's own log: bounded, in single lines, and without what people sent."""

from __future__ import annotations

import io
import json
import logging
import re
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from lamp.plain_line import plain_line

_BYTES = 5_000_000
"""Size of the file at which a new one begins; the one before it is kept."""
_LONGEST_LINE = 1_000
_FRAMES = 12
_PLACE = re.compile(r'\s*File "[^"]+", line \d+, in \w+|[\w.]+(?:Error|Exception)(?=:|$)')
"""Of a printed traceback, a line that names a place, and the class at its end."""


class _LineFormatter(logging.Formatter):
    """One line a record. Of an exception it names the class and the places, not the message: that may quote a row."""

    def format(self, record: logging.LogRecord) -> str:
        at, level, name, message = self._parts(record)
        return plain_line(f"{at} {level} {name}: {message}", 2 * _LONGEST_LINE)

    def _parts(self, record: logging.LogRecord) -> tuple[str, str, str, str]:
        """When, the level, the logger, and the message."""
        message = plain_line(record.getMessage(), _LONGEST_LINE)
        error = record.exc_info[1] if record.exc_info else None
        places = f" {_places(error)}" if error is not None else ""
        return self.formatTime(record), record.levelname, record.name, message + places


class _JsonFormatter(_LineFormatter):
    """The same as one JSON object a record, with the time in UTC, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        _, level, name, message = self._parts(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": at, "level": level, "logger": name, "message": message})


class LogStream(io.TextIOBase):
    """Takes the place of standard error for libraries that print tracebacks there, and logs the places in them.

    The rest is dropped: Gradio prints whole requests, and an error's message may quote a row.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log, self._line = log, ""

    def write(self, text: str) -> int:
        """Logs the lines that are complete now."""
        *lines, last = (self._line + text).split("\n")
        self._line = last[-_LONGEST_LINE:]
        for line in lines:
            if place := _PLACE.match(line):
                self._log.info("%s", place[0].strip())
        return len(text)


def start_log(home: Path, *, as_json: bool = False) -> LogStream:
    """Sets up logging: warnings on standard error, and those with what libraries print in `home`/server.log.

    as_json: whether each line is a JSON object.
    Returns the stream that takes the place of standard error for libraries. Raises OSError.
    """
    file = RotatingFileHandler(home / "server.log", maxBytes=_BYTES, backupCount=1, encoding="utf-8", errors="replace")
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.WARNING)
    for handler in (file, terminal):
        handler.setFormatter(_JsonFormatter() if as_json else _LineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[file, terminal], force=True)
    logging.raiseExceptions = False  # a full disk must not fill the terminal instead
    printed = logging.getLogger("printed")
    printed.setLevel(logging.INFO)
    return LogStream(printed)


def _places(error: BaseException) -> str:
    """The class of an exception and the last places that it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"[{type(error).__name__}{reason} at {places}]"
