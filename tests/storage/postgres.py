"""A throwaway PostgreSQL on loopback, out of Debian's package, for as long as the tests need it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoPostgres(Exception):
    """A sentence that says why there is none here."""


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of an empty server without a database name. Raises NoPostgres."""
    programs = _programs()
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="lamp-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    try:
        _run(user, programs / "initdb", "-D", data, "-U", "studio", "--auth=trust", "--encoding=UTF8", "--no-sync")
        _run(
            user,
            programs / "pg_ctl",
            "-D",
            data,
            "-w",
            "-l",
            folder / "log",
            "-o",
            f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200",
            "start",
        )
        try:
            yield f"postgresql://studio@127.0.0.1:{port}"
        finally:
            _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str) -> str:
    """The URL of a new, empty database on the server."""
    import psycopg

    name = f"studio_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # a name takes no parameter
    return f"{server}/{name}"


def _programs() -> Path:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise NoPostgres("the driver psycopg is not installed") from None
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    if not found:
        raise NoPostgres("it is not installed, and tests/install-tools.sh could not install it")
    return found[-1]


def _unprivileged() -> str | None:
    """Whom to run the server as: PostgreSQL refuses root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("there is no user but root to run PostgreSQL as")


def _run(user: str | None, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd="/tmp",
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise NoPostgres(f"{command[0]} said: {(done.stderr or done.stdout).strip()[-300:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
