"""`python -m lamp export`: what it prints, and how it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamp.cli import main
from lamp.export import formats
from tests.random_prompt import save_random_prompt


@pytest.fixture
def prompt(tiny_llama: Path, tmp_path: Path) -> Path:
    return save_random_prompt(tmp_path / "prompt", tiny_llama)


def test_an_export_is_compared_on_held_out_rows_and_told_in_one_line(
    prompt: Path, tiny_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(prompt), "--to", "merged", "--output", str(out), "--data", str(tiny_table)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("6 of 6 answers are the same in transformers")  # a tenth of the table is held out
    assert "Comparing in transformers" in told.err
    assert (out / "model.safetensors").is_file() and told.out.strip() in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--to", "gguf", "--gguf", "nowhere.gguf"], "There is no GGUF file nowhere.gguf."),
        (["--to", "merged", "--backbone", "nowhere"], "nowhere"),
        (["--to", "merged", "--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    options: list[str], sentence: str, prompt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(prompt), "--output", str(tmp_path / "out"), *options]) == 1
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_without_the_package_gguf_the_sentence_names_what_to_install(
    prompt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert main(["export", str(prompt), "--to", "gguf", "--output", str(tmp_path / "out")]) == 1
    assert "pip install 'lamp-studio[gguf]'" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_sentence(
    prompt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["export", str(prompt), "--to", "embeddings", "--output", str(tmp_path / "file" / "out")]) == 1
    assert "cannot be written" in capsys.readouterr().err
