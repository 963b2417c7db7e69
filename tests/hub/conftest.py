"""A small Hub for each test, and clients of it in processes of their own, as the studio's are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hub.client import run_client
from tests.hub.repositories import Account
from tests.hub.server import Hub

ROOT = Path(__file__).parents[2]
ADA = Account("ada", "hf_adasSecretTokenThatMayWrite", organisations=("engines",))
READER = Account("rita", "hf_ritasTokenThatMayOnlyRead", role="read")


@dataclass(frozen=True)
class Finished:
    """What a client process left: the JSON of its last line, and all it wrote."""

    result: Any
    output: str


Run = Callable[..., Finished]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.accounts += [ADA, READER]
        try:
            yield hub
        finally:
            hub.close_jobs()
        assert not hub.unknown(), f"the small Hub lacks a route: {hub.unknown()}"


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Run:
    """Runs Python code with `arguments` (JSON) against the Hub; it must call answer(value) once.

    The machine's own Hub settings and cache stay out of it; its home is the folder tmp_path / "home".
    """

    def run(code: str, *arguments: Any, **environment: str) -> Finished:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        home = str(tmp_path / "home")
        clean |= {
            "HOME": home,
            "HF_HOME": f"{home}/huggingface",
            "HF_ENDPOINT": hub.url,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        head = (
            "import json, sys\narguments = json.loads(sys.argv[1])\n"
            "def answer(value): print('\\nANSWER' + json.dumps(value), flush=True)\n"
        )
        status, said, errors = run_client(head + code, json.dumps(arguments), clean, tmp_path)
        assert status == 0 and "ANSWER" in said, said + errors
        return Finished(json.loads(said.rpartition("\nANSWER")[2]), said + errors)

    return run


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """A folder shaped like an exported prompt: text files, and binary ones that the Hub keeps in LFS."""
    folder = tmp_path / "prompt"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlibrary_name: peft\nlicense: apache-2.0\n---\n# A prompt\n")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "PROMPT_TUNING"}))
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 400)
    (folder / "lamp.safetensors").write_bytes(bytes(range(255, -1, -1)) * 40)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Path → bytes of all files below the folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
