"""Starts the studio: settings, store, runner, pages. The program `lamp-studio`, and what app.py runs."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import redirect_stderr

from app.settings import Settings
from lamp.errors import LampError
from lamp.process import prepare_process
from storage.errors import StorageError


def main() -> int:
    """Serves the studio until it is ended, or, with arguments, asks one that runs (app.terminal.commands).

    Returns the exit status: 0, 1 after one sentence on standard error, 2 for wrong arguments.
    """
    if sys.argv[1:2] == ["password"]:
        from app.access.passwords import main as make_line

        return make_line(sys.argv[2:])
    if sys.argv[1:]:
        from app.terminal.commands import main as ask

        return ask(sys.argv[1:])
    prepare_process()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by the system as by Ctrl+C
    try:
        settings = Settings.from_environment()
        if settings.on_space or settings.demo:
            forget_own_token()
        check_sign_in(settings)
        check_port(settings.host, settings.port)
        serve(settings)
    except (LampError, StorageError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        where = f" {error.filename}" if error.filename else " its files"
        print(
            f"The studio cannot use{where} ({error.strerror or error}): "
            "put that right, or choose another folder with STUDIO_HOME.",
            file=sys.stderr,
            flush=True,
        )
        return 1
    return 0


def forget_own_token() -> None:
    """Has this process and all that it starts ask the Hub as nobody: visitors of a Space or a demo say what is read.

    Call it before anything imports huggingface_hub.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(name, None)
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"  # noqa: S105  # a switch


def check_sign_in(settings: Settings) -> None:
    """Raises LampError on a Space where nobody signs in, and for limits that would hold for nobody; says so where
    others than this machine's people may come."""
    if settings.sign_in.asks or settings.demo:
        return
    if settings.quotas.any:
        raise LampError(
            "STUDIO_QUOTA_... are limits for each person who signs in, and nobody does here: set STUDIO_AUTH or "
            "STUDIO_USER_HEADER as well, or take them out."
        )
    if settings.on_space:
        raise LampError(
            "This Space would show everybody's runs and data to everybody: put hf_oauth: true into the first lines of "
            "its README.md, so that people sign in."
        )
    if settings.host not in ("127.0.0.1", "localhost", "::1", "[::1]"):
        print(
            f"Nobody is asked who they are: whoever can reach {settings.host} sees and changes everything. "
            "STUDIO_AUTH or STUDIO_USER_HEADER changes that (docs/operations.md).",
            file=sys.stderr,
            flush=True,
        )


def check_port(host: str, port: int) -> None:
    """Raises LampError when the address cannot be listened on; called before anything slow is started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise LampError(
            f"The studio cannot listen on {host}:{port} ({(error.strerror or str(error)).lower()}): "
            "end what uses it, or choose another port with STUDIO_PORT."
        ) from error


def serve(settings: Settings) -> None:
    """Opens the store, starts the runner and serves the pages. Raises LampError, StorageError, OSError."""
    from app.jobs.local import local_runner
    from app.jobs.ray.cluster import Cluster
    from app.jobs.rented.executor import Rented
    from app.server_log import start_log
    from app.studio import Studio
    from app.ui import build_ui, web_app
    from app.web.server import serve_forever
    from storage.database import open_database
    from storage.object_store import ObjectStore

    if settings.zero_gpu:
        from app.machine.zero_gpu import start_without_gpu

        start_without_gpu()
    if settings.files:
        ObjectStore(settings.files).check()
    elsewhere = Cluster.of(settings) if settings.ray_address else Rented.of(settings) if settings.hf_jobs else None
    settings = elsewhere.settings if elsewhere else settings
    settings.home.mkdir(parents=True, exist_ok=True)
    printed = start_log(settings.home, as_json=settings.json_log)
    database = open_database(settings.database_url, settings.home / "backups")
    studio = Studio(settings, database)
    demo = build_ui(studio)
    runner = elsewhere.runner(database) if elsewhere else local_runner(settings, database)
    runner.start()
    try:
        print(f"LAMP Studio is at {address(settings)} (Ctrl+C ends it; runs go on).", flush=True)
        with redirect_stderr(printed):  # Gradio prints whole requests there
            serve_forever(web_app(demo, studio), settings.host, settings.port, on_space=settings.on_space)
    finally:
        studio.close()
        runner.close()


def address(settings: Settings) -> str:
    """Where the pages are, for a browser: an IPv6 address stands in brackets."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
