"""The answering process: `python -m app.answering.child DESCRIPTOR`, which an AnsweringProcess starts.

It reads requests as JSON lines from standard input and writes, for each, JSON lines to the descriptor: {"stage"} and
{"growing"} as often as there is news, then one {"answers"} or {"error"}. Nothing else is written there. The line CANCEL
ends the request before it with its next token of a text that grows. The process ends when standard input does: its
parent has closed it or is gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from app.answering.answer import CANCEL, Answer, Request
from app.processes.child_memory import be_ended_first, limit_memory
from lamp.errors import LampError, OutOfMemory
from lamp.process import prepare_process

if TYPE_CHECKING:
    from app.answering.predictor import Predictor

_GROWING_SECONDS = 0.05
"""Of the texts that grow within this time only the last ones are sent."""

Send = Callable[[dict[str, Any]], None]


class _Canceled(Exception):
    """Raised where a request that nobody waits for any more would send its news."""


def respond(predictor: Predictor, request: Request, send: Send, canceled: threading.Event) -> None:
    """Answers one request; whatever goes wrong becomes an {"error"} of one sentence."""
    last = 0.0

    def growing(answers: Sequence[Answer]) -> None:
        nonlocal last
        if canceled.is_set():
            raise _Canceled
        if time.monotonic() - last >= _GROWING_SECONDS:
            send({"growing": [asdict(answer) for answer in answers]})
            last = time.monotonic()

    try:
        answers = predictor.answers(request, lambda stage: send({"stage": stage}), growing if request.growing else None)
        send({"answers": [asdict(answer) for answer in answers]})
    except OutOfMemory:
        send({"error": "", "out_of_memory": True})
    except _Canceled:
        send({"error": "This try was canceled."})
    except LampError as error:
        send({"error": str(error)})
    except Exception as error:
        traceback.print_exc()
        send({"error": f"The prompt cannot be tried ({type(error).__name__}); the studio's log says more."})


def _read(lines: Any, requests: SimpleQueue[str], canceled: threading.Event) -> None:
    """Hands over each request, and ends the process after the last line, whatever it is doing then."""
    for line in lines:
        if line == CANCEL:
            canceled.set()
        else:
            canceled.clear()
            requests.put(line)
    os._exit(0)


def main() -> None:
    """Answers requests until standard input ends."""
    prepare_process()
    be_ended_first()
    limit_memory()
    channel = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8", buffering=1)

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")

    requests: SimpleQueue[str] = SimpleQueue()
    canceled = threading.Event()
    threading.Thread(target=_read, args=(sys.stdin, requests, canceled), name="requests", daemon=True).start()
    from app.answering.predictor import Predictor  # late: it takes seconds, in which the parent may be gone again

    predictor = Predictor()
    while True:
        respond(predictor, Request.of(json.loads(requests.get())), send, canceled)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
    os._exit(1)  # a regular exit would wait for the thread that reads
