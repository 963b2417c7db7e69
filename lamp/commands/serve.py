"""The command that serves exported prompts to OpenAI's clients."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from socket import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamp.export.saved_prompt import SavedPrompt
    from lamp.serving.prompts import ServedPrompts

_LARGER = (
    "This server is for small models on one machine. For many clients at a time, several GPUs or models of billions "
    "of parameters use vLLM (docs/serving.md)."
)


def add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("serve", help="answer OpenAI's clients; each prompt is a model")
    parser.add_argument(
        "prompts",
        nargs="+",
        metavar="PROMPT",
        help="folder of an exported prompt, whose name is the model's; or NAME=FOLDER; all of one backbone",
    )
    parser.add_argument("--backbone", help="folder of the backbone, when it lies elsewhere than the recipe says")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; by default this machine alone")
    parser.add_argument("--port", type=_number(0, 65_535), default=8000, help="0 for any that is free")
    parser.add_argument("--batch", type=_number(1, 1024), help="texts that are written at a time")
    parser.add_argument("--queue", type=_number(1, 100_000), default=256, help="inputs that may wait for their turn")
    parser.add_argument("--vote", action="store_true", help="have all prompts of a folder pick the label together")
    parser.set_defaults(command=_serve)


def _number(low: int, high: int) -> Callable[[str], int]:
    """Returns a parser for whole numbers between two limits."""

    def read(text: str) -> int:
        if not (text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"it must be a whole number from {low} to {high:,}, not {text[:40]!r}")
        return int(text)

    return read


def _serve(options: argparse.Namespace) -> None:
    from lamp.serving.prompts import read_prompts
    from lamp.serving.server import api_key, bound_socket

    key, saved = api_key(), read_prompts(options.prompts, vote=options.vote)
    with bound_socket(options.host, options.port) as listener:  # before the backbone is loaded, which takes a while
        _serve_on(listener, _loaded(options, saved), options, key)


def _loaded(options: argparse.Namespace, saved: Mapping[str, SavedPrompt]) -> ServedPrompts:
    """Loads the prompts with their backbone."""
    from lamp.backbone.frozen import FrozenBackbone
    from lamp.serving.prompts import ServedPrompts
    from lamp.serving.server import note

    note("Loading the model …")
    config = next(iter(saved.values())).config
    backbone = FrozenBackbone.load(
        config.backbone, options.backbone, config.train.precision, quantization=config.train.quantization
    )
    return ServedPrompts(backbone, saved, vote=options.vote)


def _serve_on(listener: socket, prompts: ServedPrompts, options: argparse.Namespace, key: str) -> None:
    from lamp.serving.engine import Engine
    from lamp.serving.server import KEY, address_of, is_open, note, serve
    from lamp.serving.web import web_api

    engine = Engine(prompts, options.batch, options.queue)
    joins = "a new one joins at the next token" if engine.joins else "each batch to its end: only that is exact here"
    note(f"Texts are written up to {engine.most_rows} at a time, {joins}.")
    note(_LARGER)
    if is_open(options.host) and not key:
        note(f"Everybody who reaches {options.host} can use it: set {KEY} to a key that clients must send.")
    note(f"Serving {', '.join(prompt.name for prompt in prompts)} on {address_of(listener)}/v1")
    try:
        serve(web_api(prompts, engine, key), listener)
    finally:
        engine.close()
