"""An answering process without a model: it does what its inputs say. Started as the real one is."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.answering.answer import CANCEL

channel = os.fdopen(int(sys.argv[1]), "w", buffering=1)


def send(message: dict[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")


def answer(text: str) -> dict[str, Any]:
    return {
        "text": text,
        "tuned": str(os.getpid()),
        "untrained": "",
        "tuned_probabilities": {},
        "untrained_probabilities": {},
    }


lines: SimpleQueue[str] = SimpleQueue()
canceled = threading.Event()


def read() -> None:
    for line in sys.stdin:
        if line == CANCEL:
            canceled.set()
        else:
            canceled.clear()
            lines.put(line)
    os._exit(0)


threading.Thread(target=read, daemon=True).start()
while True:
    request = json.loads(lines.get())
    texts = [values["text"] for values in request["inputs"]]
    word = texts[0] if texts else ""
    if request["source"].startswith("loads when there is "):
        send({"stage": "Loading the model"})
        while not Path(request["source"].removeprefix("loads when there is ")).exists():
            time.sleep(0.02)
    send({"stage": "Answering"})
    if word == "noise":
        print('{"answers": []}')
        os.write(1, b"a library says hello\n")
    elif word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "exits":
        os._exit(1)
    elif word == "writes on":
        while not canceled.is_set():
            send({"growing": [answer("more")]})
            time.sleep(0.02)
        send({"error": "This try was canceled."})
        continue
    elif word == "hangs":
        time.sleep(600)
    elif word.startswith("waits for "):
        while not Path(word.removeprefix("waits for ")).exists():
            time.sleep(0.02)
    elif word == "refused":
        send({"error": "This input is refused: give another one."})
        continue
    elif word == "out of memory" or ("one at a time" in texts and len(texts) > 1):
        send({"error": "", "out_of_memory": True})
        continue
    elif word == "environment":
        send({"answers": [{**answer(word), "tuned_probabilities": dict.fromkeys(os.environ, 1.0)}]})
        continue
    if request["growing"]:
        send({"growing": [answer(text[:1]) for text in texts]})
    send({"answers": [answer(text) for text in texts]})
