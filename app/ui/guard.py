"""The one place where an exception becomes what a person sees: one sentence, never a traceback."""

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
"""Exceptions whose message is a sentence for the person in front of the page."""

_log = logging.getLogger(__name__)
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def sentences(handler: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Wraps a handler: a KNOWN exception becomes gr.Error with its sentence; of others the log has the traceback."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def guarded_generator(*args: _Params.args, **kwargs: _Params.kwargs) -> Any:
            with _as_gradio_error():
                yield from handler(*args, **kwargs)

        return guarded_generator

    @wraps(handler)
    def guarded(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        with _as_gradio_error():
            return handler(*args, **kwargs)

    return guarded


@contextmanager
def _as_gradio_error() -> Iterator[None]:
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
