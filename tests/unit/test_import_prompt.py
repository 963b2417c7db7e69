"""A prompt that was made elsewhere is read as what it is, and a malformed one is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save
from transformers import AutoModelForCausalLM

from lamp.config import LampConfig
from lamp.errors import ConfigError, DataError
from lamp.export.imported import ImportDetails, Imported
from lamp.export.imported_prompt import import_prompt
from lamp.export.prompt_files import PromptFiles
from lamp.export.saved_prompt import load_prompt
from lamp.training.factors_file import load_factors
from tests.foreign_prompts import Files, adapter, bomb, changed, encrypted, exported, linked, tokens, zipped


def imported(path: Path, given: ImportDetails = ImportDetails()) -> tuple[Imported, Path]:  # noqa: B008  # frozen
    target = path.parent / "imported"
    target.mkdir()
    return import_prompt(PromptFiles(path), given, target), target


@pytest.mark.parametrize("folder", ["", "my prompt/"])
def test_an_exported_prompt_comes_back_with_its_recipe_its_factors_and_its_scores(tmp_path: Path, folder: str) -> None:
    files = exported("acme/tiny", test_data="upload:elsewhere")
    found, target = imported(zipped(tmp_path / "a.zip", files, folder))
    assert (found.has_recipe, found.has_factors, found.step, found.width) == (True, True, 12, 32)
    assert found.scores == {"accuracy": 0.9, "untrained_accuracy": 0.5, "test_rows": 40.0}
    assert found.config["made_from"]["data"]["id"] == "acme/films"
    assert found.config["data"]["test_data"] == "", "a file of another machine is not here"
    saved = load_prompt(target)
    assert saved.labels == ("negative", "positive") and saved.config.lamp.rank == 4
    (tmp_path / "own.safetensors").write_bytes(files["adapter_model.safetensors"])
    own = load_file(tmp_path / "own.safetensors")["prompt_embeddings"]
    assert torch.equal(saved.virtual_tokens, own)
    torch.testing.assert_close(load_factors(target, saved.config.lamp)().detach(), saved.virtual_tokens)
    assert json.loads((target / "confusion.json").read_text())["counts"] == [[18, 2], [2, 18]]
    assert (target / "README.md").read_text() == "# A prompt\n"


def test_an_adapter_of_another_program_is_read_with_what_a_person_says_of_it(tmp_path: Path) -> None:
    given = ImportDetails("", "Review: {review}\nIs it good?", ("no", "yes"))
    found, target = imported(zipped(tmp_path / "a.zip", adapter("acme/tiny")), given)
    assert (found.has_recipe, found.has_factors, found.step, found.scores) == (False, False, 0, {})
    saved = load_prompt(target)
    assert saved.labels == ("no", "yes") and saved.config.data.input_columns == ("review",)
    assert torch.equal(saved.virtual_tokens, tokens())
    assert saved.config.lamp == LampConfig(6, 6, pooling=1, interactions=1)


def test_without_a_word_about_it_an_adapter_reads_the_text_alone_and_writes_texts(tmp_path: Path) -> None:
    _, target = imported(zipped(tmp_path / "a.zip", adapter("acme/tiny")))
    saved = load_prompt(target)
    assert (saved.task, saved.labels, saved.config.data.template) == ("generation", (), "{text}")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_an_adapter_in_another_precision_keeps_its_values(tmp_path: Path, dtype: torch.dtype) -> None:
    _, target = imported(zipped(tmp_path / "a.zip", adapter("acme/tiny", tokens().to(dtype))))
    assert torch.equal(load_prompt(target).virtual_tokens, tokens().to(dtype).float())


def test_an_imported_adapter_answers_in_stock_peft_as_it_did_before(tiny_llama: Path, tmp_path: Path) -> None:
    width = json.loads((tiny_llama / "config.json").read_text())["hidden_size"]
    files = adapter(str(tiny_llama), tokens(width=width), prompt_tuning_init="RANDOM", tokenizer_name_or_path=None)
    before = tmp_path / "before"
    before.mkdir()
    for name, content in files.items():
        (before / name).write_bytes(content)
    _, target = imported(zipped(tmp_path / "a.zip", files))

    def logits(folder: Path) -> torch.Tensor:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), str(folder)).eval()
        with torch.no_grad():
            return model(input_ids=torch.arange(5, 12)[None]).logits

    assert torch.equal(logits(before), logits(target))


@pytest.mark.parametrize("rows", [4, 100])
def test_a_prompt_without_factors_can_be_trained_on_from_its_rows(tmp_path: Path, rows: int) -> None:
    _, target = imported(zipped(tmp_path / "a.zip", adapter("acme/tiny", tokens(rows))))
    shape = load_prompt(target).config.lamp
    assert (shape.prompt_length, shape.rank, shape.pooling) == (rows, min(rows, 32), 1)
    torch.testing.assert_close(load_factors(target, shape)().detach(), tokens(rows), atol=1e-4, rtol=1e-4)


def test_a_lamp_prompt_without_its_factors_keeps_the_rank_of_its_recipe(tmp_path: Path) -> None:
    files = exported("acme/tiny")
    del files["lamp_factors.safetensors"]
    found, target = imported(zipped(tmp_path / "a.zip", files))
    saved = load_prompt(target)
    assert found.has_recipe and not found.has_factors
    assert (saved.config.lamp.prompt_length, saved.config.lamp.rank, saved.config.lamp.pooling) == (4, 4, 1)
    assert saved.labels == ("negative", "positive")
    torch.testing.assert_close(load_factors(target, saved.config.lamp)().detach(), saved.virtual_tokens)


def test_nothing_but_a_prompts_own_files_is_taken_over(tmp_path: Path) -> None:
    more = {"modeling.py": b"1/0", "notes/plan.txt": b"x", "adapter_model.bin": b"\x80\x04.", "run.sh": b"exit"}
    _, target = imported(zipped(tmp_path / "a.zip", {**exported("acme/tiny"), **more}))
    names = {path.relative_to(target).as_posix() for path in target.rglob("*")}
    assert names == set(exported("acme/tiny"))
    described = json.loads((target / "adapter_config.json").read_text())
    assert "tokenizer_name_or_path" not in described and described["prompt_tuning_init"] == "RANDOM"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


Build = Callable[[Path], Path]
PLAIN = adapter("acme/tiny")
OWN = exported("acme/tiny")
MALFORMED: dict[str, tuple[Build, str]] = {
    "no zip": (lambda path: written(path, b"not a zip"), "is not a zip that can be read"),
    "cut zip": (
        lambda path: written(path, zipped(path, PLAIN).read_bytes()[:-40]),
        "is not a zip that can be read",
    ),
    "a path above": (lambda path: zipped(path, {**PLAIN, "../evil.py": b""}), "leads out of it"),
    "a path from the root": (lambda path: zipped(path, {**PLAIN, "/etc/passwd": b""}), "leads out of it"),
    "a path of Windows": (lambda path: zipped(path, {**PLAIN, "..\\evil.py": b""}), "leads out of it"),
    "a drive": (lambda path: zipped(path, {**PLAIN, "C:evil.py": b""}), "leads out of it"),
    "a link": (lambda path: linked(path, PLAIN, "README.md", "/etc/passwd"), "holds the link 'README.md'"),
    "a bomb": (lambda path: bomb(path, PLAIN), "is larger than 200 MB"),
    "encrypted": (lambda path: encrypted(path, PLAIN), "The zip is encrypted"),
    "too many files": (lambda path: zipped(path, {str(n): b"" for n in range(1001)}), "holds 1,001 files"),
    "no adapter": (lambda path: zipped(path, {"README.md": b""}), "holds no adapter_config.json"),
    "two adapters": (
        lambda path: zipped(path, {f"{folder}/{name}": PLAIN[name] for folder in "ab" for name in PLAIN}),
        "holds 2 adapters",
    ),
    "a pickle": (
        lambda path: zipped(path, {"adapter_config.json": PLAIN["adapter_config.json"], "adapter_model.bin": b"\x80"}),
        "stored as a pickle file",
    ),
    "no tensors": (
        lambda path: zipped(path, {"adapter_config.json": PLAIN["adapter_config.json"]}),
        "no adapter_model.safetensors",
    ),
}


def _files(files: Files, message: str) -> tuple[Build, str]:
    return lambda path: zipped(path, files), message


def _tensors(message: str, name: str = "adapter_model.safetensors", files: Files = PLAIN, **tensors: Any) -> Any:
    return _files({**files, name: save(tensors)}, message)


NAN = tokens()
NAN[2, 3] = float("nan")
MALFORMED |= {
    "another adapter": _files(changed(PLAIN, "adapter_config.json", peft_type="LORA"), "of the kind 'LORA'"),
    "another task": _files(changed(PLAIN, "adapter_config.json", task_type="SEQ_CLS"), "for the task 'SEQ_CLS'"),
    "a task of no name": _files(changed(PLAIN, "adapter_config.json", task_type=["CAUSAL_LM"]), "for the task ["),
    "two prompts of T5": _files(
        changed(PLAIN, "adapter_config.json", task_type="SEQ_2_SEQ_LM", num_transformer_submodules=2), "decoder's"
    ),
    "PEFT's default for T5": _files(
        changed(PLAIN, "adapter_config.json", task_type="SEQ_2_SEQ_LM", num_transformer_submodules=None), "decoder's"
    ),
    "another count": _files(changed(PLAIN, "adapter_config.json", num_virtual_tokens=7), "tells of 7 virtual tokens"),
    "a backbone of numbers": _files(changed(PLAIN, "adapter_config.json", base_model_name_or_path=3), "no backbone"),
    "broken JSON": _files({**PLAIN, "adapter_config.json": b"{"}, "adapter_config.json is not valid JSON"),
    "deep JSON": _files({**PLAIN, "adapter_config.json": b"[" * 100_000}, "adapter_config.json is not valid JSON"),
    "a list": _files({**PLAIN, "adapter_config.json": b"[]"}, "must be a JSON object"),
    "no UTF-8": _files({**PLAIN, "adapter_config.json": b"\xff\xfe"}, "is not text in UTF-8"),
    "long JSON": _files({**PLAIN, "adapter_config.json": b" " * 1_000_001}, "is larger than 1 MB"),
    "broken tensors": _files({**PLAIN, "adapter_model.safetensors": b"no"}, "is not a whole safetensors file"),
    "a lying header": _files(
        {**PLAIN, "adapter_model.safetensors": (2**62).to_bytes(8, "little") + b"{}"}, "is not a whole safetensors file"
    ),
    "no prompt": _tensors("holds no prompt_embeddings", other=tokens()),
    "more than a prompt": _tensors("holds 'lm_head' beside the prompt", prompt_embeddings=tokens(), lm_head=tokens(2)),
    "a row": _tensors("has the shape 32", prompt_embeddings=tokens()[0]),
    "no row": _tensors("has the shape 0 x 32", prompt_embeddings=tokens(0)),
    "too many rows": _tensors("has the shape 2001 x 32", prompt_embeddings=tokens(2001)),
    "whole numbers": _tensors("rows of numbers were expected", prompt_embeddings=torch.ones(6, 32, dtype=torch.int64)),
    "not finite": _tensors("not finite", prompt_embeddings=NAN),
    "zeros": _tensors("only zeros", prompt_embeddings=torch.zeros(6, 32)),
    "another recipe": _files({**OWN, "recipe.json": b'{"backbone": 3}'}, "recipe.backbone"),
    "a recipe of problems": _files(
        changed(OWN, "recipe.json", data={"input_columns": [], "target_column": "label"}), "at least one input column"
    ),
    "another shape": _files(changed(OWN, "lamp_config.json", rank=5), "are not of the same prompt"),
    "another width": _files(changed(OWN, "lamp_config.json", hidden_size=16), "are not of the same prompt"),
    "no labels": _files(changed(OWN, "lamp_config.json", labels=[]), "does not say what the prompt answers"),
    "a label twice": _files(changed(OWN, "lamp_config.json", labels=["a", "a"]), "does not say what the prompt"),
    "half a chat": _files(changed(OWN, "lamp_config.json", chat_before="<user>"), "does not say what the prompt"),
    "voters that are not there": _files(changed(OWN, "lamp_config.json", voters=3), "voters/2.safetensors is missing"),
    "factors of another shape": _tensors(
        "does not hold the factors", "lamp_factors.safetensors", OWN, u=tokens(), q=tokens(), v=tokens()
    ),
    "factors of another prompt": _tensors(
        "are of different prompts", "lamp_factors.safetensors", OWN, u=tokens(20, 4), q=tokens(1, 4)[0], v=tokens(4)
    ),
    "a card that is no text": _files({**OWN, "README.md": b"\xff"}, "README.md is not text"),
    "no number": _files({**OWN, "scores.json": b'{"accuracy": NaN}'}, "scores.json is not valid JSON"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_prompt_is_one_sentence(tmp_path: Path, case: str) -> None:
    build, message = MALFORMED[case]
    path = build(tmp_path / "a.zip")
    with pytest.raises((DataError, ConfigError)) as refused:
        imported(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 320


@pytest.mark.parametrize(
    ("files", "given", "message"),
    [
        (PLAIN, ImportDetails(template="no place"), "names no input column"),
        (PLAIN, ImportDetails(labels=("one",)), "between 2 and 10,000 labels"),
        (PLAIN, ImportDetails(labels=("a", "a")), "a text of its own"),
        (PLAIN, ImportDetails(labels=("a", " ")), "a text of its own"),
        (OWN, ImportDetails(labels=("a", "b")), "brings its recipe"),
        (OWN, ImportDetails(template="{text}"), "brings its recipe"),
        (adapter(""), ImportDetails(), "Choose a backbone"),
    ],
)
def test_what_a_person_says_of_a_prompt_is_checked(
    tmp_path: Path, files: Files, given: ImportDetails, message: str
) -> None:
    with pytest.raises((DataError, ConfigError), match=message):
        imported(zipped(tmp_path / "a.zip", files), given)


def test_an_encoder_decoder_prompt_for_the_encoder_alone_is_taken(tmp_path: Path) -> None:
    found, target = imported(zipped(tmp_path / "a.zip", adapter("acme/t5", task_type="SEQ_2_SEQ_LM")))
    assert found.encoder_decoder
    assert json.loads((target / "adapter_config.json").read_text())["num_transformer_submodules"] == 1


def test_votes_come_along(tmp_path: Path) -> None:
    files = changed(OWN, "lamp_config.json", voters=2)
    files["voters/2.safetensors"] = save({"prompt_embeddings": tokens(4), "u": tokens(2)})
    _, target = imported(zipped(tmp_path / "a.zip", files))
    assert torch.equal(load_prompt(target).voters[1], tokens(4))


def test_a_prompt_of_thousands_of_labels_comes_with_all_of_them_and_with_its_confusion_matrix(tmp_path: Path) -> None:
    labels = [f"label number {number}" for number in range(1_200)]
    counts = [[int(row == column) for column in range(1_200)] for row in range(1_200)]
    files = changed(OWN, "lamp_config.json", labels=labels)
    files["confusion.json"] = json.dumps({"labels": labels, "counts": counts}).encode()
    assert len(files["confusion.json"]) > 1_000_000
    _, target = imported(zipped(tmp_path / "a.zip", files))
    assert load_prompt(target).labels == tuple(labels)
    assert json.loads((target / "confusion.json").read_text())["counts"] == counts
