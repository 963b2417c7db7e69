"""The serving process: `python -m app.serving.child LISTENER`, which a ServingProcess starts.

LISTENER is the descriptor of a bound socket, on which it answers as `lamp serve` does; a model's name there is what
AskedPrompt.as_text writes. It reads one such line from standard input, of a prompt whose backbone it loads, and writes
{"ready"} or {"problem"} to standard output as a JSON line. It ends when standard input does, because its parent has
closed it or is gone.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import traceback

from app.processes.child_memory import be_ended_first, limit_memory
from app.serving.asked import AskedPrompt
from lamp.errors import LampError, OutOfMemory
from lamp.process import prepare_process

TOO_LITTLE_MEMORY = (
    "There is not enough memory to load this model now: wait until the runs have ended, or stop serving a prompt of "
    "another model."
)


def main() -> int:
    """Exit status: 1 after a problem."""
    prepare_process()
    be_ended_first()
    limit_memory()
    first = AskedPrompt.of(sys.stdin.readline())
    threading.Thread(target=_end_with_the_studio, daemon=True).start()
    from app.serving.prompts import RunPrompts
    from lamp.serving.engine import Engine
    from lamp.serving.server import serve
    from lamp.serving.web import web_api

    try:
        prompts = RunPrompts(first)
    except OutOfMemory:
        return _failed(TOO_LITTLE_MEMORY)
    except LampError as error:
        return _failed(str(error))
    except Exception as error:
        traceback.print_exc()
        return _failed(f"The model cannot be loaded ({type(error).__name__}); the studio's log says more.")
    engine = Engine(prompts, None, sys.maxsize)  # the studio lets no more in than may wait
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _tell({"ready": True})
        serve(web_api(prompts, engine, most_bytes=sys.maxsize), listener)  # the studio has limited the body
    return 0


def _failed(sentence: str) -> int:
    _tell({"problem": sentence})
    return 1


def _tell(values: dict[str, object]) -> None:
    print(json.dumps(values), flush=True)


def _end_with_the_studio() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
