"""The command line: the same training as the studio's worker, with a progress bar."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from lamp.commands.answers import evaluate_prompt, predict_rows
from lamp.commands.export import add_export
from lamp.commands.progress_bar import BarReporter
from lamp.commands.recipe import checkpoints_of, note_warnings, recipe_of, splits_of, trained_prompt
from lamp.commands.serve import add_serve
from lamp.commands.sweep import add_sweep
from lamp.data.row_length import guessed_longest_row
from lamp.data.tables import KINDS, read_table
from lamp.errors import LampError, TrainingError
from lamp.hub.backbone_files import is_here
from lamp.hub.cached import commit_of
from lamp.hub.memory import training_bytes
from lamp.process import prepare_process
from lamp.training.halving import plan_of
from lamp.training.quote import in_words


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit status: 0, or 1 after one sentence on standard error."""
    prepare_process()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # answers are in any script, whatever the terminal's encoding is
    parser = argparse.ArgumentParser(prog="python -m lamp", description="Low-parameter prompt tuning.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    trainer = commands.add_parser("train", help="train a prompt; go on from the last checkpoint if there is one")
    trainer.add_argument("recipe", type=Path, help="a recipe as JSON, such as an exported recipe.json")
    trainer.add_argument("--data", type=Path, required=True, help=KINDS)
    trainer.add_argument("--out", type=Path, required=True, help="folder for the exported prompt")
    trainer.set_defaults(command=_train)
    sweeper = add_sweep(commands)
    predictor = commands.add_parser("predict", help="answer every row of a file, as JSON lines")
    evaluator = commands.add_parser("evaluate", help="score a prompt on a file, as JSON")
    for subparser, command in ((predictor, predict_rows), (evaluator, evaluate_prompt)):
        subparser.add_argument("prompt", type=Path, help="folder of an exported prompt")
        subparser.add_argument("--data", type=Path, required=True)
        subparser.add_argument("--rows", type=_positive, help="only the first so many")
        subparser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
        subparser.add_argument("--untrained", action="store_true", help="the backbone alone, without the prompt")
        subparser.add_argument("--vote", action="store_true", help="labels by the vote of all prompts of the run")
        subparser.set_defaults(command=command)
    add_export(commands)
    add_serve(commands)
    quoter = commands.add_parser("quote", help="measure how long a run would take and how much memory it needs")
    quoter.add_argument("recipe", type=Path, help="a recipe as JSON")
    quoter.add_argument("--data", type=Path, required=True, help=KINDS)
    quoter.set_defaults(command=_quote)
    for subparser in (trainer, sweeper, quoter):
        subparser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
    options = parser.parse_args(arguments)
    try:
        options.command(options)
    except LampError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _positive(text: str) -> int:
    """Parses a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 1 on, not {text!r}")
    return int(text)


def _train(options: argparse.Namespace) -> None:
    recipe, backbone = recipe_of(options)
    table = read_table(options.data)
    splits = splits_of(table, recipe, backbone)
    checkpoints = checkpoints_of(options.out, recipe, splits)
    from lamp.backbone.devices import process_state
    from lamp.export.saved_prompt import save_prompt
    from lamp.training.train import train

    reporter = BarReporter(recipe.train.steps)
    try:
        note_warnings(reporter, splits, table, recipe)
        result = train(
            recipe, splits, reporter, checkpoints, options.backbone, trained_prompt(recipe), checkpoints / "tokens"
        )
    finally:
        reporter.close()
    if process_state().is_main_process:
        save_prompt(result, recipe, options.out, commit=commit_of(backbone.source))
        print(json.dumps(result.final.merged()))
    if result.failure:
        raise TrainingError(result.failure)


def _quote(options: argparse.Namespace) -> None:
    began = time.perf_counter()
    recipe, backbone = recipe_of(options)
    splits = splits_of(read_table(options.data), recipe, backbone)
    from lamp.backbone.devices import default_device
    from lamp.backbone.precision import choose_dtype
    from lamp.training.measuring import measure

    on_gpu = default_device().type == "cuda"
    if not is_here(backbone.source):
        memory = training_bytes(
            backbone,
            recipe,
            choose_dtype(recipe.train.precision, default_device(), backbone.model_type).itemsize,
            on_cpu=not on_gpu,
            longest_row=guessed_longest_row(splits, recipe.data),
            prompts=plan_of(recipe.train)[0],
        )
        words = in_words(None, memory, on_gpu=on_gpu)
        print(f"{words} (calculated, because the backbone is not on this machine yet)")
        return

    measured = measure(
        recipe,
        splits,
        began,
        options.backbone,
        trained_prompt(recipe),
        on_phase=lambda text: print(f"{text} …", file=sys.stderr),
    )
    seconds, memory = measured.seconds(recipe.train), measured.memory(recipe.train)
    print(f"{in_words(seconds, memory, on_gpu=on_gpu)} (measured)")
    for remark in measured.remarks():
        print(remark)
