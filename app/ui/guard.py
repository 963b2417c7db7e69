"""The one place where a failure becomes what a person sees: its sentence, and never a traceback."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from lamp.errors import LampError
from storage.errors import StorageError

KNOWN = (LampError, StorageError)
"""Failures whose message is a sentence for the person in front of the page."""

_log = logging.getLogger(__name__)
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def sentences(handler: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Turns a known failure of `handler` into gr.Error with its sentence; any other is logged and only named."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def following(*args: _Given.args, **kwargs: _Given.kwargs) -> Any:
            with _in_a_sentence():
                yield from handler(*args, **kwargs)

        return following

    @wraps(handler)
    def guarded(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        with _in_a_sentence():
            return handler(*args, **kwargs)

    return guarded


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except KNOWN as error:
        raise gr.Error(str(error), print_exception=False) from error
    except Exception as error:
        _log.exception("A page's handler failed.")
        raise gr.Error(
            f"Something unexpected went wrong ({type(error).__name__}); the studio's log says more.",
            print_exception=False,
        ) from error
