"""Runs llama.cpp in a process of its own, because it ends its process over files that it cannot read.

`python -m lamp.export.llama_cpp` reads one JSON object from standard input and prints one JSON line for each answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lamp.errors import BackboneError

_PACKAGE = "xllamacpp"


def is_installed() -> bool:
    """Returns whether llama.cpp is installed."""
    return find_spec(_PACKAGE) is not None


def llama_answers(model: Path, requests: Sequence[dict[str, Any]], new_tokens: int, context: int) -> Iterator[str]:
    """Yields the greedy answer to each request.

    requests: each with a "prompt", or with "messages" for the model's chat template; context: tokens of the longest
    request with its answer. Raises BackboneError if llama.cpp cannot load or run the file.
    """
    order = {"model": str(model), "requests": list(requests), "new_tokens": new_tokens, "context": context}
    command = [sys.executable, "-m", __name__]
    folder = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(order))
            process.stdin.close()
        except BrokenPipeError:  # it has ended already
            pass
        answered = 0
        try:
            for line in process.stdout:
                if line.startswith('{"answer":'):  # llama.cpp may print lines of its own
                    yield str(json.loads(line)["answer"])
                    answered += 1
        finally:
            if answered < len(requests):
                process.kill()
    if answered < len(requests):
        raise BackboneError(
            "llama.cpp cannot run the GGUF file of this model, so nothing was exported: export it as merged instead."
        )


def main() -> int:
    """Answers the requests on standard input."""
    order = json.loads(sys.stdin.read())
    server = _server(order["model"], order["context"])
    for request in order["requests"]:
        completion = {**request, "temperature": 0, "max_tokens": order["new_tokens"], "cache_prompt": False}
        if "messages" in request:
            answer = server.handle_chat_completions(completion)["choices"][0]["message"]["content"]
        else:
            answer = server.handle_completions(completion)["choices"][0]["text"]
        print(json.dumps({"answer": (answer or "").strip()}), flush=True)
    return 0


def _server(model: str, context: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = context
    params.n_parallel = 1
    params.warmup = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
