"""An answering process without a model: it does what its inputs say. Started as the real one is."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

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


for line in sys.stdin:
    request = json.loads(line)
    texts = [values["text"] for values in request["inputs"]]
    word = texts[0] if texts else ""
    send({"stage": "Answering"})
    if word == "noise":
        print('{"answers": []}')
        os.write(1, b"a library says hello\n")
    elif word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "exits":
        sys.exit(1)
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
