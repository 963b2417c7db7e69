"""What lies in a store of files is there whole, as it was written, or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from app.settings import Settings
from lamp.errors import ConfigError
from storage.errors import StorageError, StoreUnavailable
from storage.object_store import Damaged, Gone, ObjectStore, pack
from tests.storage.stores import failing, objects_in, put

GROUP, ITEM = "runs/r1", "answers/r1.jsonl"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    (tmp_path / "store").mkdir()
    return ObjectStore(f"{request.param}://{tmp_path / 'store'}")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "content"
    path.write_text(text)
    return path


def test_the_newest_content_is_read_and_the_former_one_is_gone(store: ObjectStore, tmp_path: Path) -> None:
    first = put(store, GROUP, ITEM, write(tmp_path, "one"))
    second = put(store, GROUP, ITEM, write(tmp_path, "two"), 2)
    assert store.versions(GROUP) == {ITEM: [first, second]}
    store.remove(GROUP, ITEM, [first])
    assert store.versions(GROUP) == {ITEM: [second]}
    store.fetch(GROUP, ITEM, second, tmp_path / "here" / "read")
    assert (tmp_path / "here" / "read").read_text() == "two"
    with pytest.raises(Gone):
        store.fetch(GROUP, ITEM, first, tmp_path / "read")
    assert store.groups("runs") == ["r1"] and store.versions("runs/r2") == {} and store.groups("uploads") == []
    store.remove_group(GROUP)
    assert objects_in(store) == []


def test_an_upload_that_breaks_off_leaves_the_former_content(store: ObjectStore, tmp_path: Path) -> None:
    first = put(store, GROUP, ITEM, write(tmp_path, "one"))
    with failing(store), pytest.raises(StoreUnavailable, match="does not answer now"):
        put(store, GROUP, ITEM, write(tmp_path, "two"), 2)
    assert store.versions(GROUP) == {ITEM: [first]}


def test_what_was_damaged_in_the_store_is_not_taken_and_what_is_here_stays(store: ObjectStore, tmp_path: Path) -> None:
    version = put(store, GROUP, ITEM, write(tmp_path, "right"))
    (path,) = objects_in(store)
    store._fs.pipe_file(f"{store._root}/{path}", b"wrong")
    here = tmp_path / "here"
    here.write_text("before")
    with pytest.raises(Damaged, match=r"'answers/r1\.jsonl' is damaged: its SHA-256"):
        store.fetch(GROUP, ITEM, version, here)
    assert here.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content", "here", "store"]


def test_a_folder_comes_back_with_all_its_files(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "more").mkdir(parents=True)
    (folder / "a.json").write_text("{}")
    (folder / "more" / "b.bin").write_bytes(bytes(range(256)))
    pack(folder, tmp_path / "packed")
    version = put(store, GROUP, "artifacts/r1.1", tmp_path / "packed", is_zip=True)
    back = tmp_path / "back"
    (back / "old").mkdir(parents=True)
    store.fetch(GROUP, "artifacts/r1.1", version, back)
    assert {str(path.relative_to(back)) for path in back.rglob("*")} == {"a.json", "more", "more/b.bin"}
    assert (back / "more" / "b.bin").read_bytes() == bytes(range(256))


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped", "..\\escaped"])
def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "store").mkdir()
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    with zipfile.ZipFile(tmp_path / "packed", "w") as archive:
        archive.writestr("a.json", "{}")
        archive.writestr(name, "x")
    version = put(store, GROUP, "artifacts/r1.1", tmp_path / "packed", is_zip=True)
    with pytest.raises(Damaged, match="not packed by a studio"):
        store.fetch(GROUP, "artifacts/r1.1", version, tmp_path / "in" / "back")
    assert list(tmp_path.rglob("*escaped*")) == [] and list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "answers/../../x", "/x", "answers//x", ".x"])
def test_no_name_leads_out_of_the_store(tmp_path: Path, name: str) -> None:
    (tmp_path / "store").mkdir()
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    with pytest.raises(StorageError, match="cannot be the name of a file in the store"):
        put(store, GROUP, name, write(tmp_path, "x"))


def test_objects_that_no_studio_has_written_are_passed_over(store: ObjectStore, tmp_path: Path) -> None:
    version = put(store, GROUP, ITEM, write(tmp_path, "one"))
    name = f"000001-000001-{'0' * 64}"
    for path in (f"answers/.hidden/{name}", f"answers/a b/{name}", "answers/r1.jsonl/README", f"{name}"):
        key = f"{store._root}/{GROUP}/{path}"
        store._fs.makedirs(store._fs._parent(key), exist_ok=True)
        store._fs.pipe_file(key, b"x")
    assert store.versions(GROUP) == {ITEM: [version]}


def test_a_folder_that_does_not_exist_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="The folder of STUDIO_FILES does not exist: create it, or correct"):
        ObjectStore(f"file://{tmp_path / 'nowhere'}").check()
    (tmp_path / "store").mkdir()
    store = ObjectStore(f"file://{tmp_path / 'store'}")
    store.check()
    assert objects_in(store) == []


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("bucket/prefix", "must be an address such as s3://bucket/prefix"),
        ("s3://key:secret@bucket", "must be an address alone: the keys are read from variables"),
        ("gopher://bucket", "must begin with a protocol that fsspec knows"),
        ("gs://bucket", "a package for it is missing"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_secret(address: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Settings.from_environment({"STUDIO_FILES": address})
    assert problem in str(raised.value) and "secret" not in str(raised.value)
