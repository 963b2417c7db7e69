"""Links to runs: found by their secret alone, kept as digests, gone with their run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.errors import JobNotFound, NotStored
from storage.jobs import Job, JobStore
from storage.links import LinkStore


def test_a_link_leads_to_its_run_until_it_is_revoked_or_the_run_is_deleted(
    database: Database, store: JobStore, add: Callable[..., Job]
) -> None:
    links, run, other = LinkStore(database), add("a run"), add("another")
    (link, secret), (_, second) = links.add(run.id), links.add(run.id)
    assert links.job(secret).id == links.job(second).id == run.id
    assert link.start == secret[:5] and link in links.of(run.id) and links.of(other.id) == []
    with database.read() as session:
        assert secret[5:] not in str(session.execute(text("SELECT * FROM links")).all())
    for wrong in ("", run.id, secret[:-1], secret + "x", secret.swapcase(), "x" * 32):
        with pytest.raises(JobNotFound, match="There is no run"):
            links.job(wrong)
    with pytest.raises(NotStored):
        links.revoke(other.id, link.number)
    links.revoke(run.id, link.number)
    with pytest.raises(NotStored, match="revoked already"):
        links.revoke(run.id, link.number)
    with pytest.raises(JobNotFound):
        links.job(secret)
    store.delete(run.id)
    with pytest.raises(JobNotFound):
        links.job(second)
    store.restore(run.id)
    assert links.job(second).id == run.id
    store.delete(run.id)
    assert store.purge(run.id) and links.of(run.id) == []
    with pytest.raises(JobNotFound):
        links.add(run.id)
