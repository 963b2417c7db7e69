"""Names, cells and columns that try to be more than text."""

from __future__ import annotations

import html
import re
from pathlib import Path

import gradio as gr
import pytest
import torch

from app.jobs.log import log_line, log_lines
from app.studio import Studio
from app.ui import guard
from lamp.config import DataConfig, TuneConfig
from lamp.data.chat import ChatAffixes
from lamp.data.source import DataSource
from lamp.errors import DataError
from lamp.export.model_card import model_card
from lamp.inference.confusion_matrix import ConfusionMatrix
from lamp.inference.inspection import Inspection
from lamp.training.final_scores import FinalScores
from lamp.training.result import TrainResult
from storage.home import Home
from tests.attacks.conftest import Submit

FORM = '<form action="https://foreign.example"><input name=token></form><img src=x onerror=alert(1)>'
ROOT = Path(__file__).resolve().parents[2]


def test_a_toast_shows_names_as_text(submit: Submit, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(gr, "Info", shown.append)
    monkeypatch.setattr(gr, "Warning", shown.append)
    guard.inform(f"{FORM} is back.")
    guard.warn(f"{FORM} is back.")

    def failing() -> None:
        raise DataError(f"The run {FORM!r} is gone.")

    with pytest.raises(gr.Error) as told:
        guard.guarded(failing)()
    for text in (*shown, told.value.message):
        assert "<" not in text and FORM in html.unescape(text)


def test_a_script_gets_the_same_sentence_as_it_is() -> None:
    def failing() -> None:
        raise DataError(f"The run {FORM!r} is gone.")

    with pytest.raises(gr.Error) as told:
        guard.guarded_endpoint(failing)()
    assert told.value.message == f"The run {FORM!r} is gone."


def test_no_page_shows_a_toast_without_the_guard() -> None:
    sources = {path: path.read_text() for path in (ROOT / "app" / "ui").rglob("*.py") if path.name != "guard.py"}
    assert [path for path, text in sources.items() if re.search(r"gr\.(Info|Warning|Error)\(", text)] == []


def test_a_log_has_one_line_for_each_note_and_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    log_line("a cell\n2026-01-01T00:00:00Z Done.\x1b[2J\x9b31m\u2028forged\u202e\r")
    log_lines("Traceback\n  a\x1b[0m\nValueError: x\n2026-01-01T00:00:00Z Done.")
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 6 and lines[-1] == ""
    stamp = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ "
    assert re.fullmatch(
        stamp + r"a cell\\n2026-01-01T00:00:00Z Done\.\\x1b\[2J\\x9b31m\\u2028forged\\u202e\\r", lines[0]
    )
    assert all(re.match(stamp + r"\| ", line) for line in lines[1:-1])


def test_the_log_on_a_page_has_no_control_characters(submit: Submit, studio: Studio) -> None:
    run = submit()
    log = Home(studio.settings.home).log(run)
    log.parent.mkdir(exist_ok=True)
    log.write_text("2026-05-01T12:00:00Z what a library prints \x1b[31mred\x1b[0m\x07\nthe last line\n")
    shown = studio.run_view(run).log
    assert "the last line" in shown and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_names_and_tags_are_one_line(submit: Submit, studio: Studio) -> None:
    run = submit(name="a\nb\x1b[31m")
    assert studio.job(run).name == r"a\nb\x1b[31m"
    studio.annotate(run, "two\nlines", ["a\u202eb"])
    assert (studio.job(run).note, list(studio.job(run).tags)) == ("two\nlines", [r"a\u202eb"])


def trained(labels: tuple[str, ...]) -> TrainResult:
    """What a run on these labels might have given."""
    right = len(labels)
    counts = tuple(tuple(int(row == column) for column in range(right)) for row in range(right))
    confusion = ConfusionMatrix(labels, counts)
    scores = FinalScores("test", right, {"accuracy": 1.0}, {"accuracy": 0.5}, confusion)
    return TrainResult(
        factors={},
        virtual_tokens=torch.zeros(4, 8),
        voters=(),
        token_dim=8,
        final=scores,
        inspection=Inspection((), (), (), 0.0),
        learning_rate=0.1,
        best_step=1,
        step=1,
        stopped=False,
        failure="",
        task="classification",
        labels=labels,
        encoder_decoder=False,
        auto_class="AutoModelForCausalLM",
        chat=ChatAffixes("", ""),
    )


def test_the_published_card_shows_columns_and_labels_as_text(request: pytest.FixtureRequest) -> None:
    columns = (FORM, "# heading\n\n[link](javascript:alert(1))", "a|b", "`c`", "**d**")
    config = TuneConfig(backbone="/a`b", data=DataConfig(input_columns=columns, target_column="<b>t</b>"))
    card = model_card(trained(labels=("<i>x</i>", "a`b|c\n# d")), config, DataSource("a/b", "s`|", "t", "0" * 40))
    text = re.sub(r"```.*?```|`[^`\n]*`", "", card.split("---\n", 2)[2], flags=re.DOTALL)  # code shows HTML as it is
    assert not re.search(r"<[a-z/]", text)
    assert "](javascript" not in text and "\n# heading" not in card and "\n# d" not in card
    assert card.count("```") == 2 and card.count("\n# ") == 1
