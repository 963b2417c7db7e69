"""Errors of the store, each one sentence that may be shown to people unchanged."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text, or ""."""
    return next(iter(str(error).strip().splitlines()), "")


class StorageError(Exception):
    """Base class of all errors of the database and the files."""


class JobNotFound(StorageError):
    """No run has this id."""


class WrongState(StorageError):
    """The state of the run does not allow this."""


class DatabaseUnavailable(StorageError):
    """The database did not answer in time or cannot be written; trying again later may help."""


class StoreUnavailable(StorageError):
    """The store of files did not answer; trying again later may help."""


class DatabaseTooNew(StorageError):
    """The database was written by a newer studio than this one."""


class UnsafeName(StorageError):
    """The name could lead out of its folder."""


class NotStored(StorageError):
    """Nothing is stored under this name."""


class OverQuota(StorageError):
    """A person already has as much of something as one person may have here."""


class LowDisk(StorageError):
    """There is not enough disk space to start something new."""
