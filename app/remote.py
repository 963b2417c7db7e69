"""The command line of a running studio: what its pages do, from a terminal or a script.

    lamp-studio runs                                   the runs, newest first
    lamp-studio train recipe.json --data tickets.csv   starts a run and follows it until it has ended
    lamp-studio try RUN "a text" ...                   answers with the prompt and without it
    lamp-studio export RUN [--to gguf]                 the prompt as a zip, or a model with it in it
    lamp-studio publish RUN name/prompt                puts it on the Hub; the token is asked for, or HF_TOKEN
    lamp-studio stop RUN, resume RUN, results RUN

Every command but `runs` and `train` prints JSON or a path. --studio, or STUDIO_URL, is the studio's address.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lamp.export.wish import FORMATS

_POLL_SECONDS = 2.0
_ENDED = ("done", "failed", "stopped", "interrupted")
Call = Callable[..., Any]


def main(arguments: Sequence[str]) -> int:
    """Runs one command. Returns the exit status: 0, 1 after one sentence on standard error, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(_connect(options.studio), options) or 0)
    except _Failure as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("The run goes on in the studio.", file=sys.stderr)
    return 1


class _Failure(Exception):
    """One sentence for the person at the terminal."""


def _connect(url: str) -> Call:
    """A function that calls an endpoint by its name. Raises _Failure."""
    import httpx
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    try:
        client = Client(url, verbose=False)
    except (httpx.HTTPError, ValueError, OSError) as error:
        raise _Failure(
            f"No studio answers at {url}: start one with lamp-studio, or give its address with --studio."
        ) from error

    def call(name: str, *values: Any) -> Any:
        try:
            return client.predict(*values, api_name=f"/{name}")
        except AppError as error:
            raise _Failure(str(error)) from error
        except (httpx.HTTPError, OSError) as error:
            raise _Failure(f"The studio at {url} does not answer any more: look whether it still runs.") from error

    return call


def _runs(call: Call, options: argparse.Namespace) -> None:
    for run in call("runs", options.limit, 0):
        score = ", ".join(
            f"{name} {value:.3g}" for name, value in sorted(run["scores"].items()) if name in ("accuracy", "rouge_l")
        )
        print(f"{run['id']}  {run['state']:11}  {run['step']:>6}/{run['steps']:<6}  {score:16}  {run['name']}")


def _train(call: Call, options: argparse.Namespace) -> int:
    from gradio_client import handle_file

    try:
        recipe = json.loads(options.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _Failure(f"The recipe {str(options.recipe)!r} cannot be read: {error}.") from error
    data = Path(options.data)
    dataset = call("upload_dataset", handle_file(str(data))) if data.is_file() else options.data
    run = call("submit", recipe, dataset, options.name)
    print(run, flush=True)
    return 0 if options.detach else _follow(call, run)


def _follow(call: Call, run: str) -> int:
    """Prints what changes until the run has ended. Returns 0 when it is done, 1 otherwise."""
    said = ""
    while True:
        now = call("run", run)
        loss = now["metrics"].get("loss")
        line = f"{now['step']}/{now['steps']}  {now['phase']}" + (f"  loss {loss:.4g}" if loss is not None else "")
        if line != said:
            print(line, file=sys.stderr, flush=True)
            said = line
        if now["state"] in _ENDED:
            print(json.dumps({"state": now["state"], "error": now["error"], "scores": now["scores"]}))
            return 0 if now["state"] == "done" else 1
        time.sleep(_POLL_SECONDS)


def _try(call: Call, options: argparse.Namespace) -> None:
    _print(call("try", options.id, options.texts))


def _export(call: Call, options: argparse.Namespace) -> None:
    archive = Path(call("export", options.id) if options.to == "peft" else _made(call, options.id, options.to))
    target = options.out or Path(archive.name)
    try:
        print(shutil.copyfile(archive, target))
    except OSError as error:
        raise _Failure(f"{str(target)!r} cannot be written: {error.strerror}.") from error


def _made(call: Call, run: str, format: str) -> str:
    """Has a model with the prompt in it made, and tells how far that is. Returns the zip. Raises _Failure."""
    said, state = "", call("begin_export", run, format)
    while state["part"]:
        if state["part"] != said:
            said = state["part"]
            print(said, file=sys.stderr, flush=True)
        time.sleep(_POLL_SECONDS)
        state = call("export_state", run, format)
    if state["problem"]:
        raise _Failure(state["problem"])
    print(state["sentence"], file=sys.stderr)
    return str(call("exported", run, format))


def _publish(call: Call, options: argparse.Namespace) -> None:
    token = os.environ.get("HF_TOKEN") or getpass.getpass("Token of the Hub, which may write: ")
    print(call("publish", options.id, options.repository, token, not options.public))


def _print_run(name: str, call: Call, options: argparse.Namespace) -> None:
    _print(call(name, options.id))


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lamp-studio",
        description="Without a command: starts the studio. With one: asks a studio that runs.",
    )
    parser.add_argument("--studio", default=os.environ.get("STUDIO_URL", "http://127.0.0.1:7860"), metavar="URL")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help: str, run: Callable[[Call, argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help)
        added.set_defaults(run=run)
        return added

    def of_run(name: str, help: str, run: Callable[[Call, argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        added = command(name, help, run)
        added.add_argument("id", help="the run's id, as `runs` lists it")
        return added

    command("runs", "the runs, newest first", _runs).add_argument("--limit", type=int, default=20)
    train = command("train", "start a run and follow it", _train)
    train.add_argument("recipe", type=Path, help="a recipe.json, as the Tune page saves it and every export holds one")
    train.add_argument("--data", required=True, help="a table, or a reference such as sample:support-tickets.csv")
    train.add_argument("--name", default="", help="the run's name")
    train.add_argument("--detach", action="store_true", help="do not follow it")
    of_run("follow", "follow a run until it has ended", lambda call, options: _follow(call, options.id))
    for name, help in (
        ("stop", "end a run with its best prompt so far"),
        ("resume", "go on with a run that ended early"),
    ):
        of_run(name, help, partial(_print_run, name))
    of_run("results", "every tested row with its answers", partial(_print_run, "results"))
    of_run("try", "answer texts", _try).add_argument("texts", nargs="+", metavar="TEXT")
    export = of_run("export", "the prompt as a zip", _export)
    export.add_argument("--out", type=Path, help="the file to write")
    export.add_argument(
        "--to", default="peft", choices=("peft", *FORMATS), help="the adapter, or a model with it in it"
    )
    publish = of_run("publish", "put the prompt on the Hub", _publish)
    publish.add_argument("repository", help="such as name/prompt")
    publish.add_argument("--public", action="store_true", help="for everybody to see")
    return parser
