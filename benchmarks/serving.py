"""Requests a second of `python -m lamp serve`, beside other ways to answer the same texts on the same machine.

    python benchmarks/serving.py BACKBONE [--gguf FILE] [--turns 3] [--requests 32] [--clients 16]

BACKBONE: folder of a small chat model; FILE: the same model for llama.cpp, which is left out without it or without the
package xllamacpp. Each request has one of eight prompts of 20 virtual tokens, a text of the sample "plain-english", and
at most 8, 16, 32 or 64 tokens of answer. transformers and llama.cpp know no prompt: they read the text alone.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamp.process import prepare_process

SAMPLE = Path(__file__).resolve().parents[1] / "app" / "samples" / "plain-english.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("backbone", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    prepare_process()
    import httpx
    from serving_ways import LIMITS, PROMPTS, ways_of

    with SAMPLE.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    requests = [
        (f"prompt-{number % PROMPTS}", texts[number % len(texts)], LIMITS[number % len(LIMITS)])
        for number in range(options.requests)
    ]
    with ExitStack() as stack:
        ways = ways_of(options.backbone, options.gguf, options.clients, stack)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
        for turn in range(options.turns + 1):
            for name, way in list(ways.items()):
                start = time.perf_counter()
                try:
                    answers = way(requests)
                except httpx.HTTPError as error:
                    print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                    del ways[name], found[name]
                    continue
                seconds = time.perf_counter() - start
                waited = statistics.median(each for each, _ in answers)
                tokens = sum(tokens for _, tokens in answers)
                print(f"{turn} {name}: {seconds:.1f} s, {tokens} tokens", file=sys.stderr)
                if turn:  # the first turn warms up
                    found[name].append((len(requests) / seconds, tokens / seconds, waited))
    print("| way | requests a second | tokens a second | a request took |")
    print("| --- | --- | --- | --- |")
    for name, turns in found.items():
        rate, tokens, waited = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"| {name} | {rate:.2f} | {tokens:.0f} | {waited:.1f} s |")


if __name__ == "__main__":
    main()
