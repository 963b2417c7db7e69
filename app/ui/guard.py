"""What a person sees of an exception, and of any message: one sentence as text, never a traceback, never HTML."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from app.disk_full import is_disk_full
from app.ui.language import t
from lamp.errors import DataError, LampError
from lamp.plain_line import plain_line
from storage.errors import StorageError

KNOWN = (LampError, StorageError)
"""Exceptions whose message is a sentence for the person in front of the page."""

_LONGEST = 1_000
"""Characters of a message; a value that is quoted in it may have any length."""
_log = logging.getLogger(__name__)
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def guarded(
    handler: Callable[_Params, _Result], shown: Callable[[str], str] | None = None
) -> Callable[_Params, _Result]:
    """Wraps a handler: a KNOWN exception becomes a gr.Error with its sentence; others are logged.

    shown: makes the message of the sentence; by default what a page's toast takes.
    """
    message = shown or toast_text
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def run_generator(*args: _Params.args, **kwargs: _Params.kwargs) -> Any:
            with _as_gradio_error(message):
                yield from handler(*args, **kwargs)

        return run_generator

    @wraps(handler)
    def run(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        with _as_gradio_error(message):
            return handler(*args, **kwargs)

    return run


def guarded_endpoint(handler: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """The same for an endpoint, whose callers are scripts and get the sentence as it is."""
    return guarded(handler, plain_text)


def inform(sentence: str) -> None:
    """Shows a toast about what was done."""
    gr.Info(toast_text(sentence))


def warn(sentence: str) -> None:
    """Shows a toast about what is to be put right."""
    gr.Warning(toast_text(sentence))


def plain_text(sentence: str) -> str:
    """A sentence of bounded length on one line."""
    return plain_line(sentence, _LONGEST)


def toast_text(sentence: str) -> str:
    """The same for a toast, which Gradio shows as HTML: names of runs and values are quoted in it."""
    return escape(t(plain_text(sentence)), quote=False)


def told(event: gr.EventData, name: str) -> Any:
    """What a page's script tells with an event. Raises DataError where another program leaves it out."""
    value = getattr(event, name, None)
    if value is None:
        raise DataError(f"The press of this button lacks its {name!r}: press it on the studio's own page.")
    return value


@contextmanager
def _as_gradio_error(message: Callable[[str], str]) -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except KNOWN as error:
        raise gr.Error(message(str(error)), print_exception=False) from error
    except Exception as error:
        disk_full = is_disk_full(error)
        if not disk_full:
            _log.exception("A page's handler failed.")
        raise gr.Error(
            message("The studio's disk is full: delete runs or data sets that are no longer needed.")
            if disk_full
            else message(f"Something unexpected went wrong ({type(error).__name__}); the studio's log says more."),
            print_exception=False,
        ) from error
