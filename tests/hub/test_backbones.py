"""Backbones on the Hub: what the catalog says of them before they are fetched, and that transformers fetches them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.conftest import ADA, Run, contents
from tests.hub.repositories import Account
from tests.hub.server import Hub
from tests.tiny import save_tiny

INSPECT = """
import dataclasses
from lamp.hub.catalog import inspect
from lamp.errors import BackboneError
def described(reference):
    try:
        return dataclasses.asdict(inspect(reference))
    except BackboneError as error:
        return str(error)
answer([described(reference) for reference in arguments] if len(arguments) > 1 else described(arguments[0]))
"""


@pytest.fixture(scope="module")
def llama_files(tiny_llama: Path) -> dict[str, bytes]:
    return contents(tiny_llama)


@pytest.fixture
def llama(hub: Hub, llama_files: dict[str, bytes]) -> str:
    return hub.add("acme/tiny", llama_files).id


def test_a_backbone_on_the_hub_is_described_without_fetching_its_weights(
    hub: Hub, run: Run, llama: str, llama_files: dict[str, bytes]
) -> None:
    hub.repository(llama).commit("grow", {"model.safetensors": llama_files["model.safetensors"] + bytes(5_000_000)})
    info = run(INSPECT, llama).result
    assert (info["source"], info["architecture"], info["hidden_size"]) == (llama, "causal", 32)
    assert info["parameters"] > 10_000
    spans = [
        request.headers["range"]
        for request in hub.requests
        if request.path.startswith("/storage/") and request.method == "GET"
    ]
    assert spans and all(int(span.partition("-")[2]) <= 100_000 for span in spans)


def test_the_hub_and_a_folder_tell_the_same(hub: Hub, run: Run, tiny_t5: Path, llama: str, tiny_llama: Path) -> None:
    from lamp.hub.catalog import inspect

    hub.add("acme/t5", contents(tiny_t5))
    on_hub = run(INSPECT, llama, "acme/t5").result
    for described, folder in zip(on_hub, (tiny_llama, tiny_t5), strict=True):
        here = inspect(str(folder))
        assert (described["architecture"], described["hidden_size"], described["parameters"]) == (
            here.architecture,
            here.hidden_size,
            here.parameters,
        )


def test_a_backbone_is_fetched_and_loaded_by_its_id(hub: Hub, run: Run, llama: str, tiny_llama: Path) -> None:
    load = """
from transformers import AutoModelForCausalLM, AutoTokenizer
def logits(reference):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(reference), AutoTokenizer.from_pretrained(reference)
    return model(**tokenizer("the film was good", return_tensors="pt")).logits[0, -1, :5].tolist()
answer([logits(reference) for reference in arguments])
"""
    from_hub, from_folder = run(load, llama, str(tiny_llama), HF_HUB_DISABLE_PROGRESS_BARS="1").result
    assert from_hub == from_folder


def test_answers_of_the_hub_are_remembered(hub: Hub, run: Run, llama: str) -> None:
    first, second = run(INSPECT, llama, llama).result
    assert first == second
    assert sum(request.path.startswith(f"/api/models/{llama}") for request in hub.requests) == 1


def test_shards_on_the_hub_are_added_up(hub: Hub, run: Run, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    whole = save_tiny(tmp_path / "whole", "qwen2")
    model = AutoModelForCausalLM.from_pretrained(whole)
    model.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    files = {**contents(whole), **contents(tmp_path / "shards")}
    del files["model.safetensors"]
    hub.add("acme/shards", files)
    assert sum(name.endswith(".safetensors") for name in files) > 1
    assert run(INSPECT, "acme/shards").result["parameters"] == model.num_parameters()


def test_a_repository_that_is_not_there_asks_to_check_the_spelling(hub: Hub, run: Run) -> None:
    for token in ({}, {"HF_TOKEN": ADA.token}):
        assert "The Hub has no backbone 'acme/nothing'" in run(INSPECT, "acme/nothing", **token).result


def test_a_private_backbone_needs_a_token_that_may_read_it(hub: Hub, run: Run, llama_files: dict[str, bytes]) -> None:
    hub.add("ada/secret", llama_files, private=True)
    assert "if it is private, set HF_TOKEN" in run(INSPECT, "ada/secret").result
    assert run(INSPECT, "ada/secret", HF_TOKEN=ADA.token).result["architecture"] == "causal"


def test_a_gated_backbone_asks_to_accept_its_licence(hub: Hub, run: Run, llama_files: dict[str, bytes]) -> None:
    hub.add("acme/gated", llama_files, gated=True)
    hub.accounts.append(Account("greta", "hf_greta", granted=("acme/gated",)))
    for token in ({}, {"HF_TOKEN": ADA.token}):
        described = run(INSPECT, "acme/gated", **token).result
        assert "accept its licence" in described and "HF_TOKEN" in described
    assert run(INSPECT, "acme/gated", HF_TOKEN="hf_greta").result["architecture"] == "causal"


def test_a_wrong_token_of_the_machine_is_named_and_not_shown(hub: Hub, run: Run, llama: str) -> None:
    done = run(INSPECT, llama, HF_TOKEN="hf_outdatedSecret")
    assert "set HF_TOKEN to a valid token" in done.result
    assert "hf_outdatedSecret" not in done.output


def test_what_cannot_be_tuned_is_refused_before_its_weights_are_asked_for(
    hub: Hub, run: Run, llama_files: dict[str, bytes]
) -> None:
    pickled = {name: body for name, body in llama_files.items() if name != "model.safetensors"}
    hub.add("acme/pickled", {**pickled, "pytorch_model.bin": b"\x80\x04."})
    hub.add(
        "acme/bert",
        {
            **llama_files,
            "config.json": b'{"architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 8}',
        },
    )
    hub.add("acme/data", {"train.csv": b"text,label\n"})
    described = run(INSPECT, "acme/pickled", "acme/bert", "acme/data").result
    assert "pickle files" in described[0]
    assert "BertForMaskedLM, which cannot write text" in described[1]
    assert "holds no config.json" in described[2]
    assert not any(request.path.startswith("/storage/") for request in hub.requests)


def test_a_hub_that_cannot_be_reached_offers_other_ways(hub: Hub, run: Run) -> None:
    hub.stop()
    described = run(INSPECT, "acme/tiny").result
    assert "could not be reached" in described and "offline backbone" in described and "folder" in described


def test_a_silent_hub_is_given_up_after_its_time(hub: Hub, run: Run, llama: str) -> None:
    hub.delay = 5
    described = run("import lamp.hub.catalog; lamp.hub.catalog.HUB_TIMEOUT = 0.3\n" + INSPECT, llama).result
    assert "could not be reached" in described


def test_a_hub_in_trouble_says_to_try_again(hub: Hub, run: Run, llama: str) -> None:
    hub.busy = True
    assert "it answered 503" in run(INSPECT, llama).result


def test_a_backbone_that_was_fetched_once_is_known_without_the_hub(
    hub: Hub, run: Run, llama: str, tiny_llama: Path
) -> None:
    fetch = "from huggingface_hub import snapshot_download\nsnapshot_download(arguments[0])\nanswer(1)"
    run(fetch, llama)
    hub.stop()
    assert run(INSPECT, llama).result["hidden_size"] == 32
    assert run(INSPECT, llama, HF_HUB_OFFLINE="1").result["architecture"] == "causal"


def test_whether_a_backbone_has_a_chat_template_is_told_from_its_files_on_the_hub(
    hub: Hub, run: Run, llama_files: dict[str, bytes]
) -> None:
    hub.add("acme/plain", llama_files)
    hub.add("acme/chat", {**llama_files, "chat_template.jinja": b"{{ messages[0]['content'] }}"})
    hub.add("acme/older", {**llama_files, "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}'})
    has_template = run(
        "from lamp.hub.backbone_files import has_chat_template\nanswer([has_chat_template(id) for id in arguments])",
        "acme/plain",
        "acme/chat",
        "acme/older",
        "acme/nobody",
    ).result
    assert has_template == [False, True, True, False]
