"""Passwords as digests: made by `lamp-studio password NAME`, kept in the file that STUDIO_AUTH names."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import re
import secrets
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from lamp.errors import LampError

_COST = {"n": 2**14, "r": 8, "p": 1}
"""Of scrypt: a digest takes some 50 ms and 16 MB, so that guessing passwords from a stolen file is slow."""
_LINE = re.compile(r"([^\s:]{1,100}):scrypt\$([A-Za-z0-9+/=]{24})\$([A-Za-z0-9+/=]{44})")
_LONGEST_PASSWORD = 1000
_one_at_a_time = threading.Lock()
"""Many wrong passwords at once must not take the memory that the studio needs."""


def digest(password: str, salt: bytes | None = None) -> str:
    """What is kept of a password: "scrypt$<salt>$<digest>"."""
    salt = salt or secrets.token_bytes(16)
    with _one_at_a_time:
        made = hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


_NOBODYS = f"scrypt${base64.b64encode(bytes(16)).decode()}${base64.b64encode(bytes(32)).decode()}"


class Users:
    """The people in a file. It is read again when it has changed, so that nobody has to restart the studio."""

    def __init__(self, file: Path) -> None:
        """Raises LampError when the file cannot be used."""
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._users: dict[str, str] = {}
        self._read()

    def knows(self, name: str) -> bool:
        """Whether somebody of this name may use the studio now. Raises LampError when the file cannot be used."""
        self._read()
        return name in self._users

    def check(self, name: str, password: str) -> bool:
        """Whether this is the password; it takes as long for a name that nobody has. Raises LampError."""
        self._read()
        kept = self._users.get(name, _NOBODYS)
        if len(password) > _LONGEST_PASSWORD:
            return False
        return hmac.compare_digest(digest(password, base64.b64decode(kept.split("$")[1])), kept)

    def _read(self) -> None:
        try:
            found = self._file.stat()
            if (found.st_mtime_ns, found.st_size) == self._seen:
                return
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise LampError("The file that STUDIO_AUTH names cannot be read: put it back in its place.") from error
        users = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:  # the line is not quoted: it may hold a password
                raise LampError(
                    f"Line {number} of the file that STUDIO_AUTH names was not made by lamp-studio password NAME: "
                    "make it anew."
                )
            name, kept = line.strip().split(":", 1)
            users[name] = kept
        if not users:
            raise LampError("The file that STUDIO_AUTH names has no line yet: lamp-studio password NAME makes one.")
        self._users, self._seen = users, (found.st_mtime_ns, found.st_size)


def main(arguments: Sequence[str]) -> int:
    """Asks for a password and prints the line for the file. Returns the exit status: 0, 1 or 2."""
    if len(arguments) != 1 or not re.fullmatch(r"[^\s:]{1,100}", arguments[0]):
        print("Usage: lamp-studio password NAME, a name without blanks and colons", file=sys.stderr)
        return 2
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {arguments[0]}: ")
        again = getpass.getpass("The same again: ")
    else:
        password = again = sys.stdin.readline().rstrip("\n")
    if password != again or not password or len(password) > _LONGEST_PASSWORD:
        print("The two passwords differ, or are empty or too long: no line was made.", file=sys.stderr)
        return 1
    print(f"{arguments[0]}:{digest(password)}")
    return 0
