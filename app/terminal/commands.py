"""The command line of a running studio: what its pages do, from a terminal or a script.

    lamp-studio runs                                   the runs, newest first
    lamp-studio train recipe.json --data tickets.csv   starts a run and follows it until it has ended
    lamp-studio try RUN "a text" ...                   answers with the prompt and without it
    lamp-studio export RUN [--to gguf]                 the prompt as a zip, or a model with it in it
    lamp-studio publish RUN name/prompt                puts it on the Hub; the token is asked for, or HF_TOKEN
    lamp-studio import name/prompt                     takes in a prompt of the Hub, or a zip of one
    lamp-studio score RUN --data tickets.csv           has an imported prompt answer rows whose answers are known
    lamp-studio stop RUN, resume RUN, results RUN
    lamp-studio password NAME                          a line for the file that STUDIO_AUTH names; asks no studio

Every command but `runs` and `train` prints JSON or a path. --studio, or STUDIO_URL, is the studio's address. Where
people sign in, STUDIO_TOKEN, or the file that --token-file names, holds a token of the studio's Access page. Without
one, --user, or STUDIO_USER, is a name; its password is asked for, or is STUDIO_USER_PASSWORD.
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

from app.terminal.call import Call, Failure, connect, read_token
from lamp.export.options import FORMATS

_POLL_SECONDS = 2.0
_ENDED = ("done", "failed", "stopped", "interrupted")


def main(arguments: Sequence[str]) -> int:
    """Runs one command. Returns the exit status: 0, 1 after one sentence on standard error, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        call = connect(options.studio, options.user, read_token(options.token_file))
        return int(options.run(call, options) or 0)
    except Failure as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("The run goes on in the studio.", file=sys.stderr)
    return 1


def _runs(call: Call, options: argparse.Namespace) -> None:
    for run in call("runs", options.limit, 0):
        score = ", ".join(
            f"{name} {value:.3g}" for name, value in sorted(run["scores"].items()) if name in ("accuracy", "rouge_l")
        )
        print(f"{run['id']}  {run['state']:11}  {run['step']:>6}/{run['steps']:<6}  {score:16}  {run['name']}")


def _train(call: Call, options: argparse.Namespace) -> int:
    try:
        recipe = json.loads(options.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"The recipe {str(options.recipe)!r} cannot be read: {error}.") from error
    run = call("submit", recipe, _dataset(call, options.data), options.name)
    print(run, flush=True)
    return 0 if options.detach else _follow(call, run)


def _dataset(call: Call, data: str) -> str:
    """The reference of a data set: of a file that is handed in, or what was given."""
    from gradio_client import handle_file

    return str(call("upload_dataset", handle_file(data))) if Path(data).is_file() else data


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
        raise Failure(f"{str(target)!r} cannot be written: {error.strerror}.") from error


def _made(call: Call, run: str, format: str) -> str:
    """Has a model with the prompt in it made, and tells how far that is. Returns the zip. Raises Failure."""
    said, state = "", call("begin_export", run, format)
    while state["part"]:
        if state["part"] != said:
            said = state["part"]
            print(said, file=sys.stderr, flush=True)
        time.sleep(_POLL_SECONDS)
        state = call("export_state", run, format)
    if state["problem"]:
        raise Failure(state["problem"])
    print(state["sentence"], file=sys.stderr)
    return str(call("exported", run, format))


def _publish(call: Call, options: argparse.Namespace) -> None:
    if options.space and options.card:
        raise Failure("A Space has no model card: leave --card out, or publish the prompt.")
    if options.all_of_model and not options.space:
        raise Failure("--all-of-model is for a Space: add --space.")
    token = os.environ.get("HF_TOKEN") or getpass.getpass("Token of the Hub, which may write: ")
    try:
        card = options.card.read_text(encoding="utf-8") if options.card else ""
    except (OSError, ValueError) as error:
        raise Failure(f"The model card {str(options.card)!r} cannot be read: {error}.") from error
    how = options.id, options.repository, token, not options.public, options.existing
    if options.space:
        print(call("publish_space", *how, options.all_of_model))
        return
    print(call("publish", *how, card))


def _card(call: Call, options: argparse.Namespace) -> None:
    print(call("card", options.id, options.licence))


def _import(call: Call, options: argparse.Namespace) -> None:
    from gradio_client import handle_file

    is_file = Path(options.source).is_file()
    file, id = (handle_file(options.source), "") if is_file else (None, options.source)
    token = "" if is_file else os.environ.get("HF_TOKEN", "")
    said = options.backbone, options.template, options.label
    print(call("import_prompt", file, id, options.revision, *said, options.name, token))


def _score(call: Call, options: argparse.Namespace) -> None:
    _print(call("score_prompt", options.id, _dataset(call, options.data), options.target))


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
    parser.add_argument("--user", default=os.environ.get("STUDIO_USER", ""), metavar="NAME", help="who signs in there")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="a file with a token; without it STUDIO_TOKEN, if it is set"
    )
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
    _add_publishing(of_run("publish", "put the prompt on the Hub", _publish))
    card = of_run("card", "the model card that a prompt would be published with", _card)
    card.add_argument("--licence", help="such as apache-2.0; by default that of the backbone")
    _add_importing(command("import", "take in a prompt that was made elsewhere", _import))
    score = of_run("score", "have an imported prompt answer rows whose answers are known", _score)
    score.add_argument("--data", required=True, help="a table, or a reference such as sample:support-tickets.csv")
    score.add_argument("--target", default="", help="the column of the right answers")
    return parser


def _add_publishing(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("repository", help="such as name/prompt")
    publish.add_argument("--space", action="store_true", help="instead of the prompt, a page that answers with it")
    publish.add_argument(
        "--all-of-model", action="store_true", help="with --space: the page offers your other prompts on its model too"
    )
    publish.add_argument("--public", action="store_true", help="for everybody to see")
    publish.add_argument("--card", type=Path, help="a file with the model card, as `card` prints it")
    publish.add_argument(
        "--existing",
        choices=("refuse", "update", "pull request"),
        default="refuse",
        help="what is done with a repository that holds files already",
    )


def _add_importing(taken: argparse.ArgumentParser) -> None:
    taken.add_argument("source", help="its Hub id, such as name/prompt, or its zip")
    taken.add_argument("--revision", default="main", help="a branch, a tag or a commit of the Hub")
    taken.add_argument("--backbone", default="", help="the model that it was tuned for, where its files do not say")
    taken.add_argument("--template", default="", help="how inputs are written, where its files do not say: {text}")
    taken.add_argument("--label", action="append", default=[], help="a label that it answers with, once for each")
    taken.add_argument("--name", default="", help="what it is called here")
