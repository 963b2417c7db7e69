"""What the command line asks of a studio."""

from __future__ import annotations

from typing import Any

import pytest

from app.terminal import commands as remote

Asked = list[tuple[Any, ...]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What a studio was asked, in place of one."""
    calls: Asked = []
    monkeypatch.setenv("HF_TOKEN", "hf_token")

    def answer(*call: Any) -> str:
        calls.append(call)
        return "https://hub/there"

    monkeypatch.setattr(remote, "connect", lambda *given: answer)
    return calls


def test_a_space_answers_with_the_prompts_of_the_whole_model_when_that_is_said(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remote.main(["publish", "run", "ada/page", "--space", "--all-of-model", "--public"]) == 0
    assert remote.main(["publish", "run", "ada/page", "--space"]) == 0
    assert asked == [
        ("publish_space", "run", "ada/page", "hf_token", False, "refuse", True),
        ("publish_space", "run", "ada/page", "hf_token", True, "refuse", False),
    ]
    assert capsys.readouterr().out == "https://hub/there\n" * 2


def test_a_prompt_is_published_alone(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert remote.main(["publish", "run", "ada/prompt", "--all-of-model"]) == 1
    assert asked == [] and capsys.readouterr().err == "--all-of-model is for a Space: add --space.\n"
    assert remote.main(["publish", "run", "ada/prompt"]) == 0
    assert asked == [("publish", "run", "ada/prompt", "hf_token", True, "refuse", "")]
