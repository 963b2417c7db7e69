"""How long a data set takes to become token ids, the first time and every time after.

    python benchmarks/tokens.py --data FILE [--backbone FOLDER] [--times 1 15]

The file's rows are taken so many times over, each copy a little different. The median of three readings is told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from steps import OFFLINE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default=str(OFFLINE))
    parser.add_argument("--times", type=int, nargs="+", default=[1, 15])
    options = parser.parse_args()
    from transformers import AutoTokenizer

    from lamp.data.column_roles import guess_columns
    from lamp.data.encoding import Encoder
    from lamp.data.splits import prepare
    from lamp.data.tables import read_table
    from lamp.data.token_cache import encode_cached

    table = read_table(options.data)
    config = guess_columns(table)
    examples = prepare(table, config).train
    tokenizer = AutoTokenizer.from_pretrained(options.backbone)
    print("| rows | first time | found again |\n| --- | --- | --- |")
    for times in options.times:
        rows = [replace(example, text=f"{number} {example.text}") for number in range(times) for example in examples]
        seconds = []
        with TemporaryDirectory() as folder:
            for _ in range(4):
                encoder = Encoder(tokenizer, is_encoder_decoder=False, config=config)
                began = time.perf_counter()
                encode_cached(encoder, rows, Path(folder))
                seconds.append(time.perf_counter() - began)
        print(f"| {len(rows):,} | {seconds[0]:.2f} s | {statistics.median(seconds[1:]):.2f} s |")


if __name__ == "__main__":
    main()
