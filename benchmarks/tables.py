"""How long a file of a million rows takes until it can be previewed, and how much memory.

    python benchmarks/tables.py [--rows 1000000] [--characters 300] [--times 3] [--only csv jsonl] [--checkout FOLDER]
    python benchmarks/tables.py --rows 4900000 --characters 1000 --times 1 --only csv    # 5 GB

For each format a file is written whose texts have some so many characters; then a fresh process reads it, takes the
first rows and splits it, as the page's preview does. Of several times the least is told. "Converted" is a process that
finds the table made.
--checkout: where the code to measure is, such as an earlier version; it may not know every format or refuse the size.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
FORMATS = ("csv", "csv.gz", "tsv", "jsonl", "json", "parquet")
READ = """
import sys, time
from pathlib import Path
from lamp.config import DataConfig
from lamp.data.splits import prepare
from lamp.data.tables import read_table

def preview(table):
    splits = prepare(table, DataConfig(("text",), "label"))
    return table.rows[:8], len(splits.train)

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1e3

path = Path(sys.argv[1])
began = time.perf_counter()
if len(sys.argv) == 2:
    table = read_table(path)
    read = time.perf_counter() - began
    preview(table)
else:
    from lamp.data.tables import convert, open_table
    target = Path(sys.argv[2])
    if not target.exists():
        convert(path, "", target)
        sys.exit()
    read = 0
    preview(open_table(target))
print(f"{read:.1f} {time.perf_counter() - began:.1f} {peak():.0f}")
"""


def rows(count: int, characters: int) -> Iterator[dict[str, str]]:
    """Rows of a number, a text of about so many characters and one of two labels; the same each time."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)]
    for number in range(count):
        text = " ".join(rng.choices(words, k=round(characters / 6.5)))
        text = text if number % 3 else f"{text[:99]}, {text[99:]}"
        yield {"id": str(number), "text": text, "label": rng.choice(["good", "bad"])}


def write(path: Path, kind: str, count: int, characters: int) -> None:
    """Writes the rows to a file of one of FORMATS."""
    every = rows(count, characters)
    if kind == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(list(every)), path)
        return
    with gzip.open(path, "wt", 1, newline="") if kind.endswith(".gz") else path.open("w", newline="") as file:
        if kind in ("json", "jsonl"):
            ends = ("[", ",\n", "]\n") if kind == "json" else ("", "\n", "\n")
            for number, row in enumerate(every):
                file.write((ends[1] if number else ends[0]) + json.dumps(row))
            file.write(ends[2])
        else:
            writer = csv.writer(file, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
            writer.writerow(["id", "text", "label"])
            writer.writerows(row.values() for row in every)


def measure(times: int, checkout: Path, *arguments: Path) -> str:
    """Cells for the least seconds to read and to the preview, and for the most megabytes; or why there are none."""
    command = [sys.executable, "-c", READ, *map(str, arguments)]
    measured = []
    for _ in range(times):
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        if done.returncode:
            return f"{done.stderr.strip().splitlines()[-1]} | |"
        if done.stdout:
            measured.append([float(number) for number in done.stdout.split()])
    if not measured:
        return ""
    read, preview, megabytes = zip(*measured, strict=True)
    return f"{min(read):.1f} s | {min(preview):.1f} s | {max(megabytes):.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--characters", type=int, default=300)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--checkout", type=Path, default=ROOT)
    options = parser.parse_args()
    print("| file | size | read | previewed | peak memory |\n| --- | --- | --- | --- | --- |")
    with TemporaryDirectory() as folder:
        for kind in options.only:
            path, table = Path(folder) / f"rows.{kind}", Path(folder) / "table"
            write(path, kind, options.rows, options.characters)
            size = f"{path.stat().st_size / 1e6:,.0f} MB"
            print(f"| {kind} | {size} | {measure(options.times, options.checkout, path)} |", flush=True)
            if kind == "csv" and options.checkout == ROOT:
                measure(1, ROOT, path, table)
                print(f"| the same, converted | {size} | {measure(options.times, ROOT, path, table)} |", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
