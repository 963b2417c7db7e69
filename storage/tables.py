"""The tables, private to storage/: callers get frozen values and never a row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(TypeDecorator[datetime]):
    """A column of aware times in UTC; SQLite stores them without the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table of the studio."""

    type_annotation_map = {datetime: UtcTime, dict[str, Any]: JSON, list[str]: JSON, list[int]: JSON, str: Text}


class JobRow(Base):
    """One run."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_by_state", "state", "ticket"),
        Index("jobs_by_owner", "owner", "started_at"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16), default="run", server_default="run")
    """"run"; "comparison": of the run `parent` with other ways, as `config` asks for it; "imported": a prompt that was
    made elsewhere."""
    state: Mapped[str] = mapped_column(String(16))
    config: Mapped[dict[str, Any]]
    backbone: Mapped[str] = mapped_column(Text, index=True, default="", server_default="")
    """The backbone of `config`, in a column of its own for searching."""
    dataset: Mapped[str] = mapped_column(Text, index=True)
    dataset_name: Mapped[str]
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int]
    phase: Mapped[str] = mapped_column(default="")
    error: Mapped[str | None]
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    artifact: Mapped[str | None]

    owner: Mapped[str] = mapped_column(String(255), default="")
    parent: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]] = mapped_column(default=list)

    priority: Mapped[int] = mapped_column(default=0)
    ticket: Mapped[int]
    """Number in the order of arrival, a new one each time the run is queued; independent of clocks."""
    gpus: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    """Number of times it was claimed. A worker of an earlier attempt cannot write any more."""
    resumes: Mapped[int] = mapped_column(default=0)
    """Automatic resumes since a person last queued it."""

    host: Mapped[str | None] = mapped_column(String(255))
    pid: Mapped[int | None]
    process: Mapped[str | None]
    """Identifies the process among others with the same id, because systems reuse ids (app.processes.identity)."""
    slots: Mapped[list[int]] = mapped_column(default=list)
    beats: Mapped[int] = mapped_column(default=0)
    """Number of heartbeats of this attempt; unlike a time it depends on no clock."""
    stop_heard: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the worker of this attempt knows of the stop and is writing its checkpoint and its prompt."""

    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None] = mapped_column(index=True)


class SlotRow(Base):
    """A slot of a host that a run holds; the primary key prevents two runs from holding the same one."""

    __tablename__ = "slots"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), index=True)


class EventRow(Base):
    """One change of state of a run, with its reason."""

    __tablename__ = "events"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str]


class SeriesRow(Base):
    """One metric of one run: "loss" of run 17."""

    __tablename__ = "series"
    __table_args__ = (Index("series_of_job", "job", "name", unique=True),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))


class MetricRow(Base):
    """One value of a series; there is one for each step."""

    __tablename__ = "metrics"
    __table_args__ = {"sqlite_with_rowid": False}

    series: Mapped[int] = mapped_column(Integer, ForeignKey("series.number", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float] = mapped_column(Double)


class UploadRow(Base):
    """An uploaded file as a data set of its owner; people who add the same file have a row each."""

    __tablename__ = "uploads"

    owner: Mapped[str] = mapped_column(String(255), primary_key=True, default="")
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    name: Mapped[str]
    bytes: Mapped[int]
    rows: Mapped[int | None]
    columns: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Column names, in the order of the file. NULL, like `rows`, in uploads of earlier versions."""
    source: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The part of a data set on the Hub that it was fetched from; NULL for a person's own file."""
    created_at: Mapped[datetime]


class TokenRow(Base):
    """A token with which programs act for a person."""

    __tablename__ = "tokens"
    __table_args__ = {"sqlite_autoincrement": True}  # a number that was revoked never names another token

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the token; the token itself is not stored."""
    owner: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str]
    start: Mapped[str] = mapped_column(String(16))
    """Its first characters, by which people recognise their tokens."""
    reads_only: Mapped[bool]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]


class LinkRow(Base):
    """A link that shows one run to everybody who has the link."""

    __tablename__ = "links"
    __table_args__ = {"sqlite_autoincrement": True}

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the link's secret; the secret itself is not stored."""
    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), index=True)
    start: Mapped[str] = mapped_column(String(16))
    """Its first characters, by which people recognise their links."""
    created_at: Mapped[datetime]


class ServedRow(Base):
    """A run whose prompt programs may ask."""

    __tablename__ = "served"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    """What programs call it: no two served runs of one owner are called the same."""
    vote: Mapped[bool]
    """Whether all prompts of the run pick the label together."""
    since: Mapped[datetime]


class AccountRow(Base):
    """An account of the Hub that has signed in."""

    __tablename__ = "accounts"

    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The account's id on the Hub, which stays the same when the account is renamed."""
    owner: Mapped[str] = mapped_column(String(255), unique=True)
    """The owner of its runs, uploads and tokens: what the account was called when it first signed in."""
