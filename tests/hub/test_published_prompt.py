"""A published prompt is used by people who have transformers and peft, and nothing of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hub.conftest import ADA, Run, contents
from tests.hub.server import Hub
from tests.hub.test_publish import PUBLISH

USE = """
import os
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
backbone, token = arguments
def logits(prompt):
    try:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(backbone), prompt).eval()
    except Exception as error:
        return str(error)
    return model(input_ids=torch.arange(5, 12)[None]).logits[0, -1].tolist()
anybody = [logits("ada/prompt"), logits("ada/secret")]
os.environ["HF_TOKEN"] = token
answer([*anybody, logits("ada/secret")])
"""
"""The logits with a public and a private prompt, and with the private one for its owner; or why it was not loaded."""


def save_adapter(backbone: Path, reference: str, folder: Path) -> list[float]:
    """Saves a random prompt as PEFT does, for a backbone that the Hub knows as `reference`; the logits with it."""
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    config = PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=6, base_model_name_or_path=reference)
    model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), config)
    model.peft_config["default"].base_model_name_or_path = reference
    model.save_pretrained(folder)
    # PEFT's own card names the folder that the backbone came from, which the Hub does not accept.
    (folder / "README.md").write_text(f"---\nlibrary_name: peft\nbase_model: {reference}\n---\n# A prompt\n")
    return list(model.eval()(input_ids=torch.arange(5, 12)[None]).logits[0, -1].tolist())


@pytest.mark.slow
def test_a_published_prompt_loads_by_its_id_with_stock_peft_and_a_private_one_for_its_owner_only(
    hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.add("acme/tiny", contents(tiny_llama))
    made = save_adapter(tiny_llama, "acme/tiny", tmp_path / "adapter")
    for id, private in (("ada/prompt", False), ("ada/secret", True)):
        assert "url" in run(PUBLISH, str(tmp_path / "adapter"), id, ADA.token, private).result
    public, refused, own = run(USE, "acme/tiny", ADA.token).result
    assert public == pytest.approx(made, abs=1e-6)
    assert isinstance(refused, str) and "ada/secret" in refused
    assert own == pytest.approx(made, abs=1e-6)
