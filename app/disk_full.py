"""A full disk, told in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import LowDisk

_CODES = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that no space is left. Not every library raises an OSError for it."""
    code = error.errno if isinstance(error, OSError) else None
    return code in _CODES or any(os.strerror(code) in str(error) for code in _CODES)


@contextmanager
def full_disk_told(consequence: str) -> Iterator[None]:
    """Raises LowDisk in place of the errors of a full disk. consequence: such as "the file cannot be kept"."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise LowDisk(
            f"The studio's disk is full, so {consequence}: delete runs or data sets that are no longer needed."
        ) from error
