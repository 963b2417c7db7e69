"""The newcomer's way, timed and scored: upload a CSV on the page, train, download, score with what was downloaded.

    make run                      # in another terminal
    python benchmarks/first_light.py --train sst2.train.jsonl --validation sst2.validation.jsonl

Prints JSON: the accuracy of the downloaded prompt and of the untrained backbone on the first rows of the validation
file, which the studio never sees, and the seconds from Start to Done.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def as_csv(source: Path, target: Path) -> Path:
    """The same rows as a CSV file."""
    from lamp.data.tables import read_table

    table = read_table(source)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table.columns)
        writer.writeheader()
        writer.writerows(table.rows)
    return target


def tune_on_the_page(url: str, table: Path, steps: int, download: Path) -> float:
    """From the Tune page to the zip in `download`; the seconds between Start and Done."""
    from playwright.sync_api import expect, sync_playwright

    from tests.browser import pages

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page(base_url=url)
        pages.open_tune(page)
        pages.upload(page, table)
        expect(page.locator("#upload-said")).to_contain_text("rows", timeout=60_000)
        pages.turn_to(page, "All settings")
        pages.set_number(page, "train-steps", steps)
        expect(page.locator("#rail")).to_contain_text(f"{steps:,}")
        began = time.monotonic()
        pages.start(page)
        pages.wait_for_state(page, "Done", seconds=3600)
        took = time.monotonic() - began
        page.locator("#run-tabs").get_by_role("tab", name="Use it").click()
        with page.expect_download(timeout=120_000) as waiting:
            page.locator("#download").click()
        waiting.value.save_as(download)
        browser.close()
    return took


def score(prompt: Path, validation: Path, rows: int, backbone: Path, *, untrained: bool) -> dict[str, float]:
    """What `python -m lamp evaluate` prints."""
    command = [
        sys.executable,
        "-m",
        "lamp",
        "evaluate",
        str(prompt),
        "--data",
        str(validation),
        "--rows",
        str(rows),
        "--backbone",
        str(backbone),
        *(["--untrained"] if untrained else []),
    ]
    found: dict[str, float] = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument(
        "--backbone", type=Path, default=ROOT / "studio-data/backbones/HuggingFaceTB--SmolLM2-135M-Instruct"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        table = as_csv(options.train, work / f"{options.train.stem}.csv")
        seconds = tune_on_the_page(options.url, table, options.steps, work / "prompt.zip")
        with zipfile.ZipFile(work / "prompt.zip") as archive:
            archive.extractall(work / "prompt")
        results = {
            name: score(work / "prompt", options.validation, options.rows, options.backbone, untrained=untrained)
            for name, untrained in (("tuned", False), ("untrained", True))
        }
    print(json.dumps({"steps": options.steps, "seconds": round(seconds), **results}))


if __name__ == "__main__":
    main()
