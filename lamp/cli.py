"""The command line: the same training as the studio's worker, with a progress bar."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from lamp.cli_inputs import read_recipe, read_splits
from lamp.config import TuneConfig
from lamp.data.checks import data_warnings
from lamp.data.column_roles import column_roles
from lamp.data.columns import Template, check_columns
from lamp.data.row_length import guessed_longest_row
from lamp.data.splits import examples_of
from lamp.data.tables import KINDS, Table, read_table
from lamp.errors import DataError, LampError, TrainingError
from lamp.hub.backbone_files import is_here
from lamp.hub.cached import commit_of
from lamp.hub.memory import training_bytes
from lamp.process import prepare_process
from lamp.progress_bar import BarReporter, rows_bar
from lamp.run_digest import other_run, record_run
from lamp.training.halving import plan_of
from lamp.training.quote import in_words

if TYPE_CHECKING:
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.data.encoding import Encoder
    from lamp.export.saved_prompt import SavedPrompt


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
    predictor = commands.add_parser("predict", help="answer every row of a file, as JSON lines")
    evaluator = commands.add_parser("evaluate", help="score a prompt on a file, as JSON")
    for subparser, command in ((predictor, _predict), (evaluator, _evaluate)):
        subparser.add_argument("prompt", type=Path, help="folder of an exported prompt")
        subparser.add_argument("--data", type=Path, required=True)
        subparser.add_argument("--rows", type=_positive, help="only the first so many")
        subparser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
        subparser.add_argument("--untrained", action="store_true", help="the backbone alone, without the prompt")
        subparser.set_defaults(command=command)
    quoter = commands.add_parser("quote", help="measure how long a run would take and how much memory it needs")
    quoter.add_argument("recipe", type=Path, help="a recipe as JSON")
    quoter.add_argument("--data", type=Path, required=True, help=KINDS)
    quoter.set_defaults(command=_quote)
    for subparser in (trainer, quoter):
        subparser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
    options = parser.parse_args(arguments)
    try:
        options.command(options)
    except LampError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _positive(text: str) -> int:
    """A whole number from 1 on, as an option gives it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 1 on, not {text!r}")
    return int(text)


def _train(options: argparse.Namespace) -> None:
    recipe, backbone = read_recipe(options)
    table = read_table(options.data)
    splits = read_splits(table, recipe, backbone)
    checkpoints = options.out / "checkpoints"
    if difference := other_run(checkpoints, recipe, splits):
        raise DataError(
            f"The folder {options.out} holds another run, which has {difference}: choose another folder, or give the "
            "recipe and the data of that run to go on with it."
        )
    try:
        record_run(checkpoints, recipe, splits)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DataError(f"The folder {options.out} cannot be written ({reason}): choose another one.") from error
    from lamp.backbone.devices import process_state
    from lamp.export.saved_prompt import save_prompt
    from lamp.training.train import train

    reporter = BarReporter(recipe.train.steps)
    try:
        for sentence in data_warnings(
            splits, column_roles(table, recipe.data.target_column), recipe.data.input_columns
        ):
            reporter.note(sentence)
        result = train(
            recipe, splits, reporter, checkpoints, options.backbone, _trained_prompt(recipe), checkpoints / "tokens"
        )
    finally:
        reporter.close()
    if process_state().is_main_process:
        save_prompt(result, recipe, options.out, commit=commit_of(backbone.source))
        print(json.dumps(result.final.merged()))
    if result.failure:
        raise TrainingError(result.failure)


def _trained_prompt(recipe: TuneConfig) -> Path | None:
    """Folder of the exported prompt that the recipe starts from; None when it names none."""
    return Path(recipe.lamp.initial_prompt) if recipe.lamp.initial == "prompt" else None


def _quote(options: argparse.Namespace) -> None:
    began = time.perf_counter()
    recipe, backbone = read_recipe(options)
    splits = read_splits(read_table(options.data), recipe, backbone)
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
        _trained_prompt(recipe),
        on_phase=lambda text: print(f"{text} …", file=sys.stderr),
    )
    seconds, memory = measured.seconds(recipe.train), measured.memory(recipe.train)
    print(f"{in_words(seconds, memory, on_gpu=on_gpu)} (measured)")
    for remark in measured.remarks():
        print(remark)


def _predict(options: argparse.Namespace) -> None:
    saved, backbone, encoder = _load(options)
    from lamp.backbone.prefix import inference_prefix
    from lamp.inference.predict import predict

    data, table = saved.config.data, _table(options)
    problems = check_columns(data, [*table.columns, data.target_column])
    if problems:
        raise DataError(" ".join(problems))
    template = Template.of(data)
    rows = [row for row in table.rows if template.has_input(row)]
    if not rows:
        raise DataError(f"The file {options.data} has no row with an input: there is nothing to answer.")
    _note_left_out(len(table.rows) - len(rows), "no input")
    texts = [template.render(row) for row in rows]
    inputs = encoder.inputs(texts, [template.suffix] * len(texts))
    prefixes = [inference_prefix(backbone, None if options.untrained else saved.virtual_tokens)] * len(inputs)
    with rows_bar("Answering", len(inputs)) as on_progress:
        answers = predict(backbone, prefixes, encoder, inputs, saved.labels, on_progress=on_progress)
    text_name, shares_name = (_free_name(name, table.columns) for name in ("prediction", "probabilities"))
    for row, answer in zip(rows, answers, strict=True):
        probabilities = {shares_name: answer.probabilities} if answer.probabilities else {}
        print(json.dumps({**row, text_name: answer.text, **probabilities}, ensure_ascii=False))


def _free_name(name: str, columns: Sequence[str]) -> str:
    """The name of an answer's field: `name`, or with "lamp_" before it where the file has a column of that name."""
    while name in columns:
        name = f"lamp_{name}"
    return name


def _note_left_out(rows: int, reason: str) -> None:
    if rows:
        print(f"Rows left out because they have {reason}: {rows:,}.", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    saved, backbone, encoder = _load(options)
    from lamp.inference.evaluate import HeldOut, evaluate

    table = _table(options)
    examples = examples_of(table, saved.config.data)
    if not examples:
        raise DataError(
            f"The file {options.data} has no row with an input and a target in {saved.config.data.target_column!r}: "
            "there is nothing to score."
        )
    _note_left_out(len(table.rows) - len(examples), "no input or no target")
    unknown = {example.target for example in examples} - set(saved.labels) if saved.labels else set()
    if unknown:
        raise DataError(f"The file has labels that the prompt does not know: {', '.join(sorted(unknown)[:5])}.")
    virtual = None if options.untrained else saved.virtual_tokens.to(backbone.device)
    held_out = HeldOut(examples, encoder.encode(examples), saved.labels)
    with rows_bar("Scoring", len(examples)) as on_progress:
        evaluation = evaluate(backbone, virtual, encoder, held_out, written=len(examples), on_progress=on_progress)
    print(json.dumps({"rows": len(examples), **evaluation.scores}))


def _load(options: argparse.Namespace) -> tuple[SavedPrompt, FrozenBackbone, Encoder]:
    """The exported prompt, its backbone, and an encoder for its recipe."""
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.data.encoding import Encoder
    from lamp.export.saved_prompt import load_prompt

    saved = load_prompt(options.prompt)
    config = saved.config
    backbone = FrozenBackbone.load(
        config.backbone, options.backbone, config.train.precision, quantization=config.train.quantization
    )
    encoder = Encoder(
        backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config.data, chat=saved.chat
    )
    return saved, backbone, encoder


def _table(options: argparse.Namespace) -> Table:
    """The table to read; only its first rows if `--rows` is given."""
    table = read_table(options.data)
    return Table(table.columns, table.rows[: options.rows]) if options.rows else table
