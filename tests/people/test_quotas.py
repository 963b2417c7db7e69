"""What one person may take: each limit refuses before any work, in one sentence, and admins are exempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.access.quotas import Quotas
from app.access.sign_in import SignIn
from app.studio import Studio
from app.studio_parts.imports import PromptSource
from app.ui.tune import summary
from app.ui.tune.dataset_manager import DatasetManager
from app.ui.tune.tune_form import TuneForm
from lamp.config import TuneConfig
from lamp.errors import ConfigError, LampError
from storage.errors import NotStored, OverQuota, StorageError
from storage.jobs import JobState, JobStore
from tests.people.calls import HEADER, Caller
from tests.people.conftest import served, studio_at
from tests.people.things import Things, add_things
from tests.people.world import ADA, EVE, ROOT

QUOTAS = Quotas(running=1, queued=2, steps=100, upload_bytes=10_000, stored_bytes=20_000, requests=30)


@dataclass
class Limited:
    """A studio with limits, and what a person and an admin have in it."""

    studio: Studio
    hers: Things
    roots: Things

    def under(self, **limits: int) -> Studio:
        """Ada's studio with these limits alone."""
        limited = replace(self.studio.settings, quotas=Quotas(**limits))
        return Studio(limited, self.studio._database).as_(ADA)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Iterator[Limited]:
    home = tmp_path_factory.mktemp("home")
    (home / "backbones").mkdir()
    (home / "backbones" / "acme--tiny").symlink_to(tiny_llama)
    studio = studio_at(home, SignIn(header=HEADER, admins=frozenset({"root"})), quotas=QUOTAS)
    store = JobStore(studio._database)
    unlimited = Studio(replace(studio.settings, quotas=Quotas()), studio._database)
    folder = tmp_path_factory.mktemp("files")
    yield Limited(studio, add_things(unlimited, store, ADA, folder), add_things(unlimited, store, ROOT, folder))
    studio.close()


def recipe(things: Things, steps: int = 40) -> TuneConfig:
    config = TuneConfig.from_dict(things.recipe)
    return replace(config, train=replace(config.train, steps=steps))


def table(folder: Path, size: int) -> Path:
    path = folder / "rows.csv"
    path.write_text("text,label\n" + "".join(f"row {number:08d},a\n" for number in range(size // 15)))
    return path


def test_a_full_queue_is_told_beside_start_and_refuses_each_way_into_it(limited: Limited) -> None:
    own, hers = limited.under(queued=1), limited.hers  # one of hers waits
    plan, sentence = own.plan(recipe(hers), hers.dataset), "You have 1 run waiting, which is the most here."
    assert plan.problems == (f"{sentence} Cancel it, or wait until one has started.",) and plan.estimate is None
    assert plan.waiting == (1, 1) and "1 of the 1 runs that you may have waiting" in summary.rail(recipe(hers), plan)
    before = len(own.jobs())
    ways: list[Callable[[], object]] = [
        lambda: own.submit(recipe(hers), hers.dataset),
        lambda: own.resume(hers.stopped),
        lambda: own.extend(hers.done, 80),
        lambda: own.compare_ways(hers.done, ["instruction"]),
    ]
    for way in ways:
        with pytest.raises((OverQuota, ConfigError), match=sentence):
            way()
    assert len(own.jobs()) == before
    assert limited.under(queued=2).plan(recipe(hers), hers.dataset).problems == ()


def test_two_starts_at_the_same_moment_do_not_both_pass(limited: Limited) -> None:
    own, hers, barrier = limited.under(queued=2), limited.hers, Barrier(2)

    def start(_: int) -> str:
        barrier.wait()
        try:
            return own.submit(recipe(hers), hers.dataset)
        except (LampError, StorageError) as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        came = sorted(pool.map(start, range(2)), key=len)
    assert own.job(came[0]).state is JobState.QUEUED and came[1].startswith("You have 2 runs waiting")
    own.stop(came[0])
    own.delete(came[0])


def test_a_run_has_at_most_so_many_steps_also_when_it_is_extended(limited: Limited) -> None:
    own, hers = limited.under(steps=100), limited.hers
    plan = own.plan(recipe(hers, 101), hers.dataset)
    assert plan.problems == ("A run may have at most 100 steps here, and this one has 101: take fewer.",)
    assert plan.fields[plan.problems[0]] == "train.steps"
    with pytest.raises(ConfigError, match="at most 100 steps"):
        own.submit(recipe(hers, 101), hers.dataset)
    with pytest.raises(OverQuota, match="at most 100 steps here, and this one has 1,000"):
        own.extend(hers.done, 1000)
    assert own.plan(recipe(hers, 100), hers.dataset).problems == ()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(limited: Limited, tmp_path: Path) -> None:
    own, large = limited.under(upload_bytes=1_000), table(tmp_path, 3_000)
    broken = tmp_path / "x.zip"
    broken.write_bytes(b"x" * 2_000)
    ways: list[Callable[[], object]] = [
        lambda: own.add_dataset(large, "rows.csv"),
        lambda: own.answer_file(limited.hers.done, large, "rows.csv"),
        lambda: own.import_prompt(PromptSource(zip=broken, zip_name="x.zip")),
    ]
    for way in ways:
        with pytest.raises(OverQuota, match=r"This file has [23].0 kB, and a file may have at most 1.0 kB here"):
            way()
    assert own.add_dataset(table(tmp_path, 900), "small.csv").rows == 60


def test_storage_counts_data_sets_prompts_and_exports_and_is_told_on_the_page(limited: Limited, tmp_path: Path) -> None:
    own = limited.under(stored_bytes=1_000_000)
    before = own.storage_used()
    assert before is not None and before.most == 1_000_000 and before.used > own.dataset(limited.hers.dataset).rows
    size = own.export(limited.hers.done).stat().st_size
    after = own.storage_used()
    assert after is not None and after.used == before.used + size
    manager = DatasetManager(own, TuneForm(own, ()))
    assert "kB of the 1.0 MB that you may have" in manager.show(limited.hers.dataset)[0]
    assert limited.studio.as_(ROOT).storage_used() is None
    assert "you may have" not in DatasetManager(limited.studio.as_(ROOT), TuneForm(own, ())).show("")[0]


def test_what_has_no_room_is_refused_and_a_full_store_starts_nothing(limited: Limited, tmp_path: Path) -> None:
    used = limited.under(stored_bytes=10**9).storage_used()
    assert used is not None
    tight = limited.under(stored_bytes=used.used + 2_000)
    with pytest.raises(OverQuota, match=r"and this takes up to 4.0 kB. Delete data sets"):
        tight.add_dataset(table(tmp_path, 4_000), "rows.csv")
    full, hers = limited.under(stored_bytes=used.used), limited.hers
    sentence = "Your data sets, prompts and exports take .* that you may have here[.] Delete data sets"
    ways: list[Callable[[], object]] = [
        lambda: full.add_dataset(table(tmp_path, 100), "rows.csv"),
        lambda: full.read_again(hers.dataset, 1),
        lambda: full.begin_export(hers.done, "merged"),
        lambda: full.answer_file(hers.done, table(tmp_path, 100), "rows.csv"),
        lambda: full.submit(recipe(hers), hers.dataset),
        lambda: full.resume(hers.stopped),
        lambda: full.extend(hers.done, 80),
    ]
    for way in ways:
        with pytest.raises((OverQuota, ConfigError), match=sentence):
            way()


def test_two_files_at_the_same_moment_do_not_both_take_the_last_room(limited: Limited, tmp_path: Path) -> None:
    used = limited.under(stored_bytes=10**9).storage_used()
    assert used is not None
    own, barrier = limited.under(stored_bytes=used.used + 4_000), Barrier(2)

    def add(number: int) -> str:
        (tmp_path / str(number)).mkdir()
        file = table(tmp_path / str(number), 3_000 + 150 * number)
        barrier.wait()
        try:
            return own.add_dataset(file, "rows.csv").reference
        except StorageError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        came = sorted(pool.map(add, range(2)))
    assert came[0].startswith("Your data sets, prompts") and came[1].startswith("upload:")
    own.delete_dataset(came[1])


def test_requests_that_compute_are_counted_for_a_person_by_page_and_endpoint_alike(limited: Limited) -> None:
    settings = replace(limited.studio.settings, quotas=Quotas(requests=2))
    studio, hers = Studio(settings, limited.studio._database), limited.hers
    own = studio.as_(ADA)
    with served(studio) as client:
        ada, root = Caller(client, "ada"), Caller(client, "root")
        for _ in range(2):
            assert "within a minute" not in ada.endpoint("try", [hers.done, ["a text"], None])[1]
        for name, data in (("try", [hers.done, ["a text"], None]), ("submit", [hers.recipe, hers.dataset, "", 1])):
            worked, said = ada.endpoint(name, list[Any](data))
            assert not worked and said.startswith("You have made 2 requests within a minute, which is the most here.")
        assert ada.endpoint("run", [hers.done])[0], "reading is not counted"
        for _ in range(3):
            assert "within a minute" not in root.endpoint("try", [limited.roots.done, ["a text"], None])[1]
    with pytest.raises(OverQuota, match=r"Try again in \d+ seconds[.]$"):
        own.warm_up(hers.done)
    with pytest.raises(NotStored):  # and not that somebody else has asked too often
        studio.as_(EVE).read_again("upload:" + "0" * 64)


def test_admins_are_exempt_from_every_limit(limited: Limited, tmp_path: Path) -> None:
    root = Studio(replace(limited.studio.settings, quotas=Quotas(1, 1, 1, 1, 1, 1)), limited.studio._database).as_(ROOT)
    things = limited.roots  # one run of root's waits
    added = root.add_dataset(table(tmp_path, 3_000), "rows.csv")
    runs = [root.submit(recipe(things), things.dataset) for _ in range(2)]
    assert root.plan(recipe(things), things.dataset).waiting is None
    for run in runs:
        root.stop(run)
    root.delete_dataset(added.reference)
