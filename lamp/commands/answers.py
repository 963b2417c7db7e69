"""The commands that use an exported prompt: answer the rows of a file, and score the prompt on them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lamp.commands.progress_bar import rows_bar
from lamp.data.columns import Template, check_columns
from lamp.data.splits import examples_of
from lamp.data.tables import Table, read_table
from lamp.errors import DataError

if TYPE_CHECKING:
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.data.encoding import Encoder
    from lamp.export.saved_prompt import SavedPrompt


def predict_rows(options: argparse.Namespace) -> None:
    """Prints an answer to every row of a file."""
    saved, backbone, encoder = _load(options)
    from lamp.backbone.prefix import inference_prefix
    from lamp.inference.predict import predict, predict_by_vote

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
    voters = [inference_prefix(backbone, virtual) for virtual in _prompts(options, saved)]
    with rows_bar("Answering", len(inputs)) as on_progress:
        if options.vote:
            answers = predict_by_vote(backbone, voters, encoder, inputs, saved.labels, on_progress)
        else:
            answers = predict(backbone, voters * len(inputs), encoder, inputs, saved.labels, on_progress=on_progress)
    text_name, shares_name = (_free_name(name, table.columns) for name in ("prediction", "probabilities"))
    for row, answer in zip(rows, answers, strict=True):
        probabilities = {shares_name: answer.probabilities} if answer.probabilities else {}
        print(json.dumps({**row, text_name: answer.text, **probabilities}, ensure_ascii=False))


def _free_name(name: str, columns: Sequence[str]) -> str:
    """Returns `name`, or "lamp_" and the name if the file has a column of that name."""
    while name in columns:
        name = f"lamp_{name}"
    return name


def _note_left_out(rows: int, reason: str) -> None:
    if rows:
        print(f"Rows left out because they have {reason}: {rows:,}.", file=sys.stderr)


def evaluate_prompt(options: argparse.Namespace) -> None:
    """Prints the scores of a prompt on a file."""
    saved, backbone, encoder = _load(options)
    from lamp.inference.evaluate import HeldOut, evaluate, evaluate_vote

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
    prompts = [None if prompt is None else prompt.to(backbone.device) for prompt in _prompts(options, saved)]
    held_out = HeldOut(examples, encoder.encode(examples), saved.labels)
    with rows_bar("Scoring", len(examples)) as on_progress:
        if options.vote:
            voters = [prompt for prompt in prompts if prompt is not None]
            _, evaluation = evaluate_vote(backbone, voters, encoder, held_out, on_progress=on_progress)
        else:
            written = len(examples)
            evaluation = evaluate(backbone, prompts[0], encoder, held_out, written=written, on_progress=on_progress)
    print(json.dumps({"rows": len(examples), **evaluation.scores}))


def _prompts(options: argparse.Namespace, saved: SavedPrompt) -> Sequence[Any]:
    """Returns the virtual tokens of the prompts that answer: the run's own, all voters, or None for the backbone alone.

    Raises DataError if a vote is asked for and there are no voters.
    """
    if not options.vote:
        return [None if options.untrained else saved.virtual_tokens]
    if options.untrained:
        raise DataError("--vote and --untrained exclude each other: a vote is one of prompts.")
    if not saved.labels:
        raise DataError("This prompt writes texts, on which there is no vote: leave --vote out.")
    if len(saved.voters) < 2:
        raise DataError(
            f"The folder {options.prompt} holds one prompt alone, so there is no vote: leave --vote out, or train with "
            '"voters" of 2 or more.'
        )
    return saved.voters


def _load(options: argparse.Namespace) -> tuple[SavedPrompt, FrozenBackbone, Encoder]:
    """Loads the exported prompt, its backbone, and an encoder for its recipe."""
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
    """Reads the table, or its first rows if `--rows` is given."""
    table = read_table(options.data)
    return Table(table.columns, table.rows[: options.rows]) if options.rows else table
