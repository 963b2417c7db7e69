"""The one place where a failure becomes what a person sees: its sentence, and never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

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

    @wraps(handler)
    def guarded(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        try:
            return handler(*args, **kwargs)
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

    return guarded
