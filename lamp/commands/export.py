"""The command that exports a prompt for programs without PEFT."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamp.data.splits import Example, examples_of, prepare
from lamp.data.tables import KINDS, Table, read_table
from lamp.errors import DataError
from lamp.export.options import FORMATS, ExportOptions
from lamp.hub.catalog import inspect
from lamp.hub.offline import gguf_of

if TYPE_CHECKING:
    from lamp.config import DataConfig
    from lamp.export.reference import OnPart


def add_export(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "export", help="export a prompt for llama.cpp, Ollama, vLLM and others, and compare its answers"
    )
    parser.add_argument("prompt", type=Path, help="folder of an exported prompt")
    parser.add_argument("--to", required=True, choices=tuple(FORMATS), help="the format")
    parser.add_argument("--output", type=Path, required=True, help="folder that is made")
    parser.add_argument("--data", type=Path, help=f"rows whose answers are compared: {KINDS}")
    parser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
    parser.add_argument("--gguf", type=Path, help="a GGUF file of the backbone, whose weights are kept as they are")
    parser.add_argument("--type", choices=("f16", "q8_0"), default="f16", help="of the weights in a new GGUF file")
    parser.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> None:
    from lamp.export.exporting import export_prompt
    from lamp.export.saved_prompt import load_prompt

    saved = load_prompt(options.prompt)
    examples: Sequence[Example] = held_out(read_table(options.data), saved.config.data) if options.data else ()
    backbone = inspect(options.backbone or saved.config.backbone)
    export_options = ExportOptions(options.to, options.type, options.gguf)
    if export_options.is_gguf and export_options.base is None and options.type == "f16":
        export_options = ExportOptions(options.to, options.type, gguf_of(Path(backbone.source)))
    try:
        with _bar() as on_part:
            comparison = export_prompt(
                saved, backbone.source, backbone.stored_bytes, export_options, options.output, examples, on_part
            )
    except OSError as error:
        raise DataError(
            f"The folder {options.output} cannot be written ({os.strerror(error.errno) if error.errno else error})."
        ) from error
    print(comparison.sentence().replace("**", ""))


def held_out(table: Table, config: DataConfig) -> Sequence[Example]:
    """Returns the rows that no prompt was trained on if this is the table of its training, else all rows."""
    try:
        splits = prepare(table, config)
    except DataError:
        return examples_of(table, config)
    return splits.test or splits.validation


@contextmanager
def _bar() -> Iterator[OnPart]:
    """Shows a progress bar on standard error, named after the part of the work."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", dynamic_ncols=True, file=sys.stderr, bar_format="{desc}: {n:.0f} %|{bar}|") as bar:

        def on_part(name: str, share: float) -> None:
            bar.set_description(name, refresh=False)
            bar.update(100 * share - bar.n)
            bar.refresh()

        yield on_part
