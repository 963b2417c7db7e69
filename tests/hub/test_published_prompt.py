"""A published prompt is used by people who have transformers and peft, and nothing of this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.conftest import ADA, Run, contents
from tests.hub.server import Hub
from tests.hub.test_publish import PUBLISH

MAKE = """
from pathlib import Path
import torch
from peft import PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM
backbone, folder, reference = arguments
torch.manual_seed(3)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), PromptTuningConfig(
    task_type="CAUSAL_LM", num_virtual_tokens=6, base_model_name_or_path=reference))
model.peft_config["default"].base_model_name_or_path = reference
model.save_pretrained(folder)
# PEFT's own card names the folder that the backbone came from, which the Hub does not accept.
Path(folder, "README.md").write_text(f"---\\nlibrary_name: peft\\nbase_model: {reference}\\n---\\n# A prompt\\n")
answer(model.eval()(input_ids=torch.arange(5, 12)[None]).logits[0, -1].tolist())
"""

USE = """
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
backbone, *prompts = arguments
def logits(prompt):
    try:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(backbone), prompt).eval()
    except Exception as error:
        return str(error)
    return model(input_ids=torch.arange(5, 12)[None]).logits[0, -1].tolist()
answer([logits(prompt) for prompt in prompts])
"""
"""The logits with each of the prompts, or the error that its loading ended with."""


@pytest.mark.slow
def test_a_published_prompt_loads_by_its_id_with_stock_peft_and_a_private_one_for_its_owner_only(
    hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.add("acme/tiny", contents(tiny_llama))
    made = run(MAKE, str(tiny_llama), str(tmp_path / "adapter"), "acme/tiny").result
    for id, private in (("ada/prompt", False), ("ada/secret", True)):
        assert "url" in run(PUBLISH, str(tmp_path / "adapter"), id, ADA.token, private).result
    public, refused = run(USE, "acme/tiny", "ada/prompt", "ada/secret").result
    assert public == pytest.approx(made, abs=1e-6)
    assert isinstance(refused, str) and "ada/secret" in refused
    assert run(USE, "acme/tiny", "ada/secret", HF_TOKEN=ADA.token).result == [pytest.approx(made, abs=1e-6)]
