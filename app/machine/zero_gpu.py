"""A Space on ZeroGPU hardware, whose GPU runs cannot use: they go on on its processor.

ZeroGPU lends its GPU to a fork of the web server, for one call of a minute or two by one visitor, out of that visitor's
minutes of the day. A run is a process of its own, which goes on when nobody looks: it has no visitor whose minutes
could be taken, and its scoring cannot be broken off and resumed as its steps can.
"""

from __future__ import annotations

import os
from importlib import import_module

from lamp.errors import LampError


def start_without_gpu() -> None:
    """Starts as ZeroGPU hardware wants it, and has all runs use the processor. Raises LampError.

    The hardware ends an app that does not report a function for its GPU; the package `spaces` does so when Gradio
    launches, and this studio is served by uvicorn.
    """
    try:  # not a requirement: this hardware brings it, and no other needs it
        import_module("spaces").GPU(_nothing)
        import_module("spaces.zero").startup()
    except ImportError as error:
        raise LampError(
            "This Space has ZeroGPU hardware, which ends an app without the package spaces: add it to "
            "requirements.txt, or choose other hardware in the Space's settings."
        ) from error
    except Exception as error:
        raise LampError(
            f"ZeroGPU did not take the studio's report that it has started ({type(error).__name__}): restart the "
            "Space, or choose other hardware in its settings."
        ) from error
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # of this process and of all that it starts


def _nothing() -> None:
    """A function for the GPU, because there must be one; it is never called."""
