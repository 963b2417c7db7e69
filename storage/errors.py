"""Failures of the store, each one sentence that may be shown to people unchanged."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of an error's text, "" when it has none."""
    return next(iter(str(error).strip().splitlines()), "")


class StorageError(Exception):
    """Base of every failure of the database or of the files."""


class JobNotFound(StorageError):
    """No run has this id."""


class WrongState(StorageError):
    """The run is not in a state that allows this."""


class DatabaseUnavailable(StorageError):
    """The database did not answer in time or cannot be written; trying again later may help."""


class StoreUnavailable(StorageError):
    """The store of files did not answer; trying again later may help."""


class DatabaseTooNew(StorageError):
    """The database was written by a newer studio than this one."""


class UnsafeName(StorageError):
    """A name that could lead out of its folder."""


class NotStored(StorageError):
    """No artifact or upload lies under this name."""


class OverQuota(StorageError):
    """A person has as much of something as one person may have here."""


class LowDisk(StorageError):
    """Too little space is left to start something new."""
