"""What a run's page is given to show, and that it is sent only what changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import pytest

from app.studio import Studio
from app.ui.runs import plots, run_html, run_page, scores_html
from app.ui.runs.refresh import Refresh
from app.ui.runs.view_table import ViewTable
from lamp.config import DataConfig, TrainConfig, TuneConfig
from lamp.training.halving import plan_of
from storage.database import open_database
from storage.errors import WrongState
from storage.home import Home
from storage.jobs import JobState, JobStore

SCORES = {"accuracy": 0.9, "untrained_accuracy": 0.5, "loss": 0.4, "untrained_loss": 1.1}
RATES = ("0.01", "0.025", "0.06", "0.14", "0.32")


@pytest.fixture
def store(studio: Studio) -> JobStore:
    return JobStore(open_database(studio.settings.database_url))


def add_run(store: JobStore, config: dict[str, Any] | None = None) -> str:
    recipe = TuneConfig("acme/tiny", DataConfig(("text",), "label"), train=TrainConfig(steps=60))
    return store.add("a run", config or recipe.to_dict(), "sample:x.csv", "x.csv", 60).id


def train(store: JobStore, run: str, *steps: int) -> None:
    values = [(step, "loss", 2.0 - step / 40) for step in steps]
    values += [(step, "validation/accuracy", 0.5 + step / 100) for step in (0, *steps)]
    store.heartbeat(run, steps[-1], "Training", values)


def test_a_waiting_run_can_be_moved_up_and_stopped(studio: Studio, store: JobStore) -> None:
    view = studio.run_view(add_run(store))
    assert (view.live, view.can_move_up, view.can_resume, view.can_try) == (True, True, False, False)
    assert (view.status.sentence, view.has_curves, view.prompt_version) == ("It is next in the queue.", False, "")
    assert (view.backbone, view.recipe[0]) == ("tiny", ("Backbone", "acme/tiny"))


def test_a_running_run_shows_its_curves_and_its_best_score_so_far(studio: Studio, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    train(store, run, 10, 20)
    view = studio.run_view(run)
    assert view.live and not view.can_move_up and not view.stopping
    assert (view.loss, view.metric) == (((10, 1.75), (20, 1.5)), "accuracy")
    assert view.validation == ((0, 0.5), (10, 0.6), (20, 0.7))
    best, gain, *_ = view.tiles
    assert best == ("Best accuracy", "70.0 %", "at step 20")
    assert gain == ("Against untrained", "+20.0 points", "from 50.0 %")
    store.request_stop(run)
    assert studio.run_view(run).stopping


def test_a_run_shows_which_learning_rates_were_dropped_and_which_one_goes_on(studio: Studio, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    train(store, run, 2)
    assert studio.run_view(run).tried_rates == ()
    rungs = [rung.step for rung in plan_of(TrainConfig(steps=60))[1]]
    losses = {"0.01": 0.9, "0.025": 0.5, "0.06": 0.4, "0.14": 0.3, "0.32": 0.95}
    compared = [(rungs[0], f"search/{rate}/validation/loss", loss) for rate, loss in losses.items()]
    store.heartbeat(run, rungs[0], "Trying 3 learning rates", compared)
    view = studio.run_view(run)
    assert [tried.rate for tried in view.tried_rates if tried.goes_on] == ["0.025", "0.06", "0.14"]
    assert "3 of 5 still compete for the lowest loss." in run_html.tried_rates(view)
    better = {"0.025": 0.3, "0.06": 0.2, "0.14": 0.25}
    compared = [(rungs[1], f"search/{rate}/validation/loss", loss) for rate, loss in better.items()]
    compared += [(rungs[2], f"search/{rate}/validation/loss", better[rate]) for rate in ("0.06", "0.14")]
    store.heartbeat(run, rungs[2], "Training", compared)
    view = studio.run_view(run)
    assert [(tried.rate, tried.losses[-1][0]) for tried in view.tried_rates if not tried.goes_on] == [
        ("0.01", rungs[0]),
        ("0.025", rungs[1]),
        ("0.14", rungs[2]),
        ("0.32", rungs[0]),
    ]
    assert "0.06 had the lowest loss on the held-out rows and goes on alone." in run_html.tried_rates(view)


def test_a_run_that_is_trained_on_shows_how_its_search_ended(studio: Studio, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    steps = [rung.step for rung in plan_of(TrainConfig(steps=60))[1]]
    for step, rates in zip(steps, (RATES, RATES[:3], RATES[:2]), strict=True):
        store.heartbeat(run, step, "Training", [(step, f"search/{r}/validation/loss", float(r)) for r in rates])
        kept = rates[: (len(rates) + 1) // 2]
        store.heartbeat(run, step, "Training", [(step, f"search/{r}/goes_on", float(r in kept)) for r in rates])
    longer = TuneConfig("acme/tiny", DataConfig(("text",), "label"), train=TrainConfig(steps=6000))
    for curves_of in (run, forgotten_by_an_earlier_version(store, run)):
        child = store.add("more steps", longer.to_dict(), "sample:x.csv", "x.csv", 6000, curves_of=curves_of).id
        view = studio.run_view(child)
        assert [tried.rate for tried in view.tried_rates if tried.goes_on] == ["0.01"]
        assert "goes on alone" in run_html.tried_rates(view)


def forgotten_by_an_earlier_version(store: JobStore, run: str) -> str:
    """A run with the same losses, of a version that did not record which rates go on."""
    older = add_run(store)
    values = [
        (step, name, value)
        for name, points in store.short_curves(run, [f"search/{rate}/validation/loss" for rate in RATES]).items()
        for step, value in points
    ]
    store.claim("here", [1])
    store.heartbeat(older, 60, "Training", values)
    return older


def test_a_rate_whose_loss_diverged_is_shown_as_that(studio: Studio, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    store.heartbeat(run, 3, "Trying 5 learning rates", [(1, f"search/{rate}/loss", 2.0) for rate in RATES])
    store.heartbeat(run, 3, "Trying 4 learning rates", [(3, "search/0.32/diverged", 1.0)])
    view = studio.run_view(run)
    assert [tried.rate for tried in view.tried_rates if tried.goes_on] == ["0.01", "0.025", "0.06", "0.14"]
    assert "diverged at step 3" in run_html.tried_rates(view)
    compared = [(6, f"search/{rate}/validation/loss", float(rate)) for rate in RATES[:4]]
    compared += [(6, f"search/{rate}/goes_on", float(rate != "0.14")) for rate in RATES[:4]]
    store.heartbeat(run, 7, "Trying 3 learning rates", [*compared, (7, "search/0.06/diverged", 1.0)])
    view = studio.run_view(run)
    assert [(tried.rate, tried.diverged_at) for tried in view.tried_rates if not tried.goes_on] == [
        ("0.06", 7),
        ("0.14", None),
        ("0.32", 3),
    ]
    assert "diverged at step 7" in run_html.tried_rates(view) and "2 of 5 still compete" in run_html.tried_rates(view)


def test_a_failed_run_can_be_resumed_until_it_is_deleted(studio: Studio, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    store.finish(run, JobState.FAILED, error="The loss became nan.", scores=SCORES, step=20)
    view = studio.run_view(run)
    assert (view.error, view.live, view.can_resume, view.deleted) == ("The loss became nan.", False, True, False)
    assert [(score.label, score.untrained) for score in view.scores] == [("Accuracy", "50.0 %"), ("Loss", "1.1")]
    assert [event.state for event in view.events] == [JobState.QUEUED, JobState.RUNNING, JobState.FAILED]
    studio.delete(run)
    view = studio.run_view(run)
    assert (view.deleted, view.can_resume, view.live) == (True, False, False)
    uses: list[Callable[[str], object]] = [
        studio.export,
        studio.warm_up,
        lambda id: studio.try_prompt(id, ["a"]),
        lambda id: studio.publish(id, "ada/prompt", ""),
    ]
    for use in uses:
        with pytest.raises(WrongState, match="was deleted: bring it back to use its prompt"):
            use(run)


def test_scores_have_a_column_for_the_vote_where_prompts_vote(studio: Studio, store: JobStore) -> None:
    pages = []
    for scores in (SCORES, {**SCORES, "vote_accuracy": 0.95}):
        run = add_run(store)
        store.claim("here", [0])
        store.finish(run, JobState.DONE, scores=scores, artifact=run, step=60)
        store.release(run)
        pages.append(scores_html.scores(studio.run_view(run)))
    assert "By vote" not in pages[0] and "<b>90.0 %</b></td><td>50.0 %</td>" in pages[0]
    assert "<b>90.0 %</b></td><td>95.0 %</td><td>50.0 %</td>" in pages[1]
    heads, first = (pages[1].split("<tr>")[row] for row in (1, 2))
    assert heads.count("<th") == first.count("<th") + first.count("<td") == 5


def test_a_prompt_can_be_tried_and_a_new_one_has_another_version(studio: Studio, store: JobStore) -> None:
    run, versions = add_run(store), set()
    for _ in range(2):
        store.claim("here", [0])
        store.finish(run, JobState.STOPPED, artifact=run, step=20)
        store.release(run)
        view = studio.run_view(run)
        assert view.can_try
        versions.add(view.prompt_version)
        store.resume(run)
    assert len(versions) == 2


@pytest.fixture
def opening(studio: Studio) -> Refresh:
    """What shows a page that is opened, or seen again."""
    with gr.Blocks():
        return run_page.build(studio, gr.State(""), gr.Textbox(""))[0]


@pytest.fixture
def page(opening: Refresh) -> Refresh:
    """What brings the whole page up to date."""
    refresh = next(fn for fn in functions(opening) if fn.outputs == opening.outputs[1:])
    return Refresh(refresh.fn, refresh.inputs, refresh.outputs, opening.timer)


def unseen(page: Refresh) -> Any:
    """What a page that was opened just now has seen."""
    return page.inputs[1].value, page.inputs[2].value


def names_of(components: list[Any]) -> list[str]:
    return [output.elem_id or getattr(output, "label", "") or type(output).__name__ for output in components]


def refreshed(page: Refresh, run: str, seen: Any) -> tuple[dict[str, Any], Any]:
    """The updates of the components that changed, by element id or class and label, and what the page has seen."""
    *updates, of_rest, of_moving = page.handler(run, *seen)
    changed = zip(names_of(page.outputs), updates, strict=False)
    return {name: update for name, update in changed if update != gr.skip()}, (of_rest, of_moving)


def functions(opening: Refresh) -> list[Any]:
    """All that happens on the page."""
    blocks = opening.timer.parent
    while blocks.parent:
        blocks = blocks.parent
    return list(blocks.fns.values())


def test_a_page_that_is_seen_again_asks_on_although_its_run_is_what_it_was(
    opening: Refresh, page: Refresh, store: JobStore
) -> None:
    run = add_run(store)
    _, seen = refreshed(page, run, unseen(page))
    assert refreshed(opening, run, seen)[0] == {"Timer": gr.update(active=True, value=2.0)}


def test_a_page_is_sent_everything_at_first_and_then_only_what_changed(page: Refresh, store: JobStore) -> None:
    run = add_run(store)
    store.claim("here", [0])
    train(store, run, 10, 20)
    first, seen = refreshed(page, run, unseen(page))
    assert len(first) > 10
    again, seen = refreshed(page, run, seen)
    assert again == {}
    train(store, run, 30)
    changed, seen = refreshed(page, run, seen)
    assert set(changed) == {"run-head", "Training loss", "Score on the validation rows", "Title of the tab"}
    assert changed["Title of the tab"] == "50 % · a run · LAMP Studio"
    store.annotate(run, "a note", [])
    changed, seen = refreshed(page, run, seen)
    assert changed["run-note"] == "a note" and set(changed) == {"run-head", "run-note"}


def test_a_tick_sends_what_moves_with_every_step_and_asks_for_the_rest_only_when_that_has_changed(
    opening: Refresh, page: Refresh, store: JobStore
) -> None:
    run = add_run(store)
    store.claim("here", [0])
    train(store, run, 10, 20)
    _, (seen, moved) = refreshed(page, run, unseen(page))
    tick = next(fn for fn in functions(opening) if fn.targets == [(opening.timer._id, "tick")])
    *_, is_old, _ = tick.outputs
    tell_rest = next(fn for fn in functions(opening) if fn.targets == [(is_old._id, "change")])

    def ticked() -> set[str]:
        nonlocal moved
        *updates, moved = tick.fn(run, seen, moved)
        changed = zip(names_of(tick.outputs), updates, strict=False)
        return {name for name, update in changed if update != gr.skip()}

    assert ticked() == set()
    store.heartbeat(run, 21, "Training", [(21, "loss", 1.0)])
    assert ticked() == {"run-head", "Training loss", "Title of the tab"}
    assert len(tick.outputs) == 6, "Gradio makes each output of an event anew, also those that are skipped"
    store.finish(run, JobState.STOPPED, step=21)
    *updates, seen = tell_rest.fn(run, seen)
    assert gr.update(active=False) not in updates, "the timer must not stand still before the end has been shown"
    assert {"run-head", "Timer"} <= ticked()
    store.annotate(run, "a note", [])
    assert "Moment of the last change" in ticked()
    assert "Moment of the last change" in ticked(), "it asks until it is told"
    *updates, seen = tell_rest.fn(run, seen)
    assert "a note" in updates
    assert ticked() == set() and refreshed(page, run, (seen, moved))[0] == {}


def test_a_run_that_cannot_be_read_is_a_sentence_and_its_page_stops_asking(page: Refresh, store: JobStore) -> None:
    for run, sentence in (("nothing", "nothing"), (add_run(store, {"lamp": {"colour": 1}}), "colour")):
        changed, seen = refreshed(page, run, unseen(page))
        assert "This run cannot be shown" in changed["run-head"] and sentence in changed["run-head"]
        assert changed["Timer"]["active"] is False and changed["Column"]["visible"] is False
        assert set(changed) == {"run-head", "run-ready", "Timer", "Column"}
        assert refreshed(page, run, seen)[0] == {}


def opened(opening: Refresh, run: str, seen: Any, address: str = "") -> dict[str, Any]:
    """The updates that a page with this query in its address is sent, by element id or class."""
    request = gr.Request(query_params=dict(parse_qsl(address)))
    *updates, _, _ = opening.handler(run, *seen, "", (), "", request)
    names = [output.elem_id or type(output).__name__ for output in opening.outputs]
    return {name: update for name, update in zip(names, updates, strict=False) if update != gr.skip()}


def test_only_the_opening_of_a_page_chooses_a_tab(opening: Refresh, page: Refresh, store: JobStore) -> None:
    run, nothing = add_run(store), unseen(page)
    assert opened(opening, run, nothing)["run-tabs"].selected == "training"
    assert opened(opening, run, nothing, "tab=about")["run-tabs"].selected == "about"
    assert opened(opening, run, nothing, "tab=nothing")["run-tabs"].selected == "training"
    _, seen = refreshed(page, run, nothing)
    store.claim("here", [0])
    store.finish(run, JobState.STOPPED, step=20)
    changed, seen = refreshed(page, run, seen)
    assert "run-head" in changed and "run-tabs" not in changed
    assert "run-tabs" not in opened(opening, run, seen)
    assert opened(opening, run, nothing)["run-tabs"].selected == "results"


def test_a_page_without_a_run_is_left_as_it_is(page: Refresh) -> None:
    changed, seen = refreshed(page, "", unseen(page))
    assert changed == {} and seen == unseen(page)


def test_gradio_may_empty_an_update_without_the_component_being_sent_again(studio: Studio, store: JobStore) -> None:
    table = ViewTable()
    table.add(gr.Button(), lambda view: view.live, lambda live: gr.update(value="Stop", visible=live))
    view = studio.run_view(add_run(store))
    (update,), seen = table.updates(view, table.unseen)
    update.pop("value")  # as Gradio does while it sends an update
    assert table.updates(view, seen) == ([gr.skip()], seen)


@pytest.mark.parametrize(
    ("accuracy", "tone", "heading"),
    [
        (0.6, "good", ""),
        (0.5, "warn", "No better than the untrained model."),
        (0.4, "warn", "Worse than the untrained model."),
    ],
)
def test_a_run_that_gained_nothing_says_so_and_does_not_lead_to_its_prompt_first(
    studio: Studio, store: JobStore, page: Refresh, accuracy: float, tone: str, heading: str
) -> None:
    run = add_run(store)
    store.claim("here", [0])
    train(store, run, 10, 20)
    scores = {"accuracy": accuracy, "untrained_accuracy": 0.5}
    store.finish(run, JobState.DONE, scores=scores, artifact=run, step=60)
    changed, _ = refreshed(page, run, unseen(page))
    assert f"ls-pill ls-{tone}" in changed["run-head"]
    assert heading in changed["run-verdict"] and bool(changed["run-verdict"]) == bool(heading)
    try_button = next(u for u in page.handler(run, *unseen(page)) if isinstance(u, dict) and "variant" in u)
    assert (try_button["visible"], try_button["variant"]) == (True, "secondary" if heading else "primary")


def test_times_are_those_of_the_viewers_clock(studio: Studio, store: JobStore, page: Refresh) -> None:
    run = add_run(store)
    log = Home(studio.settings.home).log(run)
    log.parent.mkdir(parents=True)
    log.write_text(f"{datetime.now(UTC):%Y-%m-%dT%H}:00:09Z Training\n")
    *updates, _, _ = page.handler(run, *unseen(page), "Asia/Kolkata")
    shown = "".join(update for update in updates if isinstance(update, str))
    there = datetime.now(UTC) + timedelta(hours=5, minutes=30)
    assert ":30:09 Training" in shown and f'title="{there:%Y-%m-%d %H}' in shown


def test_the_plots_axis_and_its_points_are_percentages_as_the_scores_beside_it_are() -> None:
    plot = plots.score_plot("accuracy", [(0, 0.4), (10, 1 / 3)], 60)
    points = plot["value"]
    values = points[points["Line"] == "Tuned prompt"]["Value"].tolist()
    assert (values, plot["y_lim"], plot["y_title"]) == ([40.0, 33.33], [0, 100], "Accuracy (%)")


def test_the_plot_of_scores_has_the_tuned_line_from_its_first_data_on() -> None:
    plot = plots.score_plot("accuracy", [(0, 0.5)], 60)
    assert set(plot["value"]["Line"]) == {"Tuned prompt", "Untrained model"}
