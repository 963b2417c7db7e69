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
backbone, prompt = arguments
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(backbone), prompt).eval()
answer(model(input_ids=torch.arange(5, 12)[None]).logits[0, -1].tolist())
"""


@pytest.mark.slow
def test_a_published_prompt_loads_by_its_id_with_stock_peft(
        hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    hub.add("acme/tiny", contents(tiny_llama))
    made = run(MAKE, str(tiny_llama), str(tmp_path / "adapter"), "acme/tiny").result
    assert "url" in run(PUBLISH, str(tmp_path / "adapter"), "ada/prompt", ADA.token, False).result
    assert run(USE, "acme/tiny", "ada/prompt").result == pytest.approx(made, abs=1e-6)


@pytest.mark.slow
def test_a_private_prompt_loads_for_its_owner_only(hub: Hub, run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    hub.add("acme/tiny", contents(tiny_llama))
    made = run(MAKE, str(tiny_llama), str(tmp_path / "adapter"), "acme/tiny").result
    assert "url" in run(PUBLISH, str(tmp_path / "adapter"), "ada/prompt", ADA.token, True).result
    assert run(USE, "acme/tiny", "ada/prompt", HF_TOKEN=ADA.token).result == pytest.approx(made, abs=1e-6)
    with pytest.raises(AssertionError, match="prompt"):
        run(USE, "acme/tiny", "ada/prompt")
