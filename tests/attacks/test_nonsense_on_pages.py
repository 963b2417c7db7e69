"""Programs that press the buttons of pages with anything at all get a sentence, and the log gets no traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import gradio as gr
import pytest

from app.studio import Studio
from app.ui.guard import guarded
from app.ui.runs.notices import Notices
from app.ui.runs.results_tab import ResultsTab
from app.ui.runs.runs_list import RunsList
from app.ui.runs.share_box import ShareBox
from app.ui.tune.backbone_storage import BackboneStorage
from app.ui.tune.recipe_fields import FIELDS
from app.ui.tune.recipe_file import RecipeFile
from app.ui.tune.tune_form import TuneForm

_COLUMNS = ("data.input_columns", "data.target_column")
_KEYS = ("dataset", "backbone.choice", "backbone.other", "gpus", *_COLUMNS, *(field.key for field in FIELDS))
NONSENSE: tuple[Any, ...] = (None, 7, float("nan"), "x" * 100_000, "\0", "[[[[", "[]", [], [None, "a", 3], {"a": []})


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: repr(value)[:12])
def test_a_press_of_nonsense_is_answered_or_refused_in_a_sentence(
    studio: Studio, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    form = TuneForm(studio, _KEYS)
    names = ("model", "run", "runs", "act", "sort", "number", "fresh", "expected")
    event, bare = gr.EventData(None, dict.fromkeys(names, value)), gr.EventData(None, {})
    values = [value] * len(_KEYS)
    files, runs, stored = RecipeFile(form), RunsList(studio), BackboneStorage(studio)
    results, share = ResultsTab(studio), ShareBox(studio)
    presses: list[Callable[[], Any]] = [
        partial(guarded(form.look), *values),
        partial(guarded(form.start), "", "", "", "", *values),
        partial(guarded(files.save), *values),
        partial(guarded(files.fill), value, *values),
        partial(guarded(stored.show), value, value),
    ]
    for at in (event, bare):
        presses += [partial(guarded(handler), 0, at) for handler in (runs.restore, runs.change, runs.undo)]
        presses += [partial(guarded(handler), at) for handler in (stored.ask, share.ask, results.of_cell)]
        presses += [partial(guarded(runs.sort), "", at), partial(guarded(Notices(studio).look), None, at)]
    for press in presses:
        with suppress(gr.Error):
            press()
    assert not [record.exc_text for record in caplog.records if record.levelno >= logging.ERROR]
