"""The handlers of the list of runs: what an address shows, and what is done with the runs that were selected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.guard import KNOWN, inform, told
from app.ui.runs import list_html, selected_html
from app.views import formatting
from app.views.local_time import zone_of
from storage.errors import JobNotFound, WrongState
from storage.listing import ORDERS, Order
from storage.states import JobState

RUNS_A_PAGE = 30
_MOST_RUNS = 3000
"""Runs that an address can ask for, and that can be selected."""
_UNFINISHED = tuple(state for state in JobState if not state.finished)
FILTERS: dict[str, tuple[JobState, ...]] = {
    "All": tuple(JobState),
    "Active": _UNFINISHED,
    "Done": (JobState.DONE,),
    "Ended early": (JobState.FAILED, JobState.STOPPED, JobState.INTERRUPTED),
    "Deleted": (),
}
"""The states that each filter shows; deleted runs are in none of the others, whatever their state is."""


@dataclass(frozen=True)
class Sort:
    """How the list is sorted."""

    order: Order = "date"
    reverse: bool = False

    @classmethod
    def of(cls, text: str) -> Sort:
        """The sort that an address names: an order, with a minus before it when it is turned round."""
        named = text.removeprefix("-")
        return next((cls(order, text != named) for order in ORDERS if order == named), cls())

    def __str__(self) -> str:
        return f"-{self.order}" if self.reverse else self.order


class RunsList:
    """The handlers of the list of runs."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open(self, request: gr.Request) -> tuple[str, Any, Any, str, str, str, int]:
        """The id of the run that the address names, "" for none; which of the two parts of the page is shown; and the
        list's filter, search, sort and rows as the address has them."""
        run = str(request.query_params.get("run", ""))
        return run, gr.update(visible=not run), gr.update(visible=bool(run)), *list_at(request.query_params)

    def sort(self, sort: str, event: gr.EventData) -> str:
        """The sort after a click on the head of a column: its own, or turned round when the list has it already."""
        now, asked = Sort.of(sort), Sort.of(str(told(event, "sort")))
        return str(Sort(asked.order, asked.order == now.order and not now.reverse))

    def restore(self, changes: int, event: gr.EventData) -> int:
        """Brings back the deleted run whose button was pressed. Returns the next number of changes to the list."""
        job = self._studio.restore(str(told(event, "run")))
        inform(f"{job.name} is back.")
        return changes + 1

    def change(self, changes: int, event: gr.EventData) -> tuple[str, int]:
        """Deletes or tags the selected runs. Returns HTML that says what came of it, and the next number of changes."""
        runs, act = _runs(event), told(event, "act")
        return self._tag(runs, str(told(event, "tag"))) if act == "tag" else self._delete(runs), changes + 1

    def undo(self, changes: int, event: gr.EventData) -> tuple[str, int]:
        """Brings back the runs that were just deleted. Returns HTML that says which cannot be, and the next number."""
        problems = []
        for run in _runs(event):
            try:
                self._studio.restore(run)
            except KNOWN as error:
                problems.append(str(error))
        return parts.problems(problems), changes + 1

    def disk(self, run: str) -> str:
        """How much room everything that is seen takes, and how much is free; nothing on the page of a run,
        and in a demo."""
        if run or self._studio.settings.demo:
            return ""
        use = self._studio.disk_use()
        taken, free = formatting.bytes_text(use.total), formatting.bytes_text(use.free)
        whose = "The studio's" if self._studio.person.is_admin else "Your"
        return parts.small(f"{whose} files take {taken}; {free} are free.")

    def show(
        self, run: str, filter_name: str, text: str, sort: str, most: int, seen: str, zone: str
    ) -> tuple[Any, Any, Any, Any]:
        """Updates of the list, of the button for more runs and of the timer; and the HTML that the page shows then.

        filter_name: a key of FILTERS; text: words to search for; sort: as Sort has it; most: runs to show at most;
        seen: the HTML that the page shows now; zone: the name of the browser's time zone, "" until the page has asked
        for it.
        """
        if not zone:
            # The page is being filled in from its address, piece by piece, and Gradio sends the pieces' changes side by
            # side. The time zone comes last: that change is answered, with all of them.
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        if run:
            return gr.skip(), gr.skip(), gr.update(active=False), seen
        deleted, sorting, now = filter_name == "Deleted", Sort.of(sort), datetime.now(zone_of(zone))
        states = None if deleted else FILTERS.get(filter_name, ())
        runs = self._studio.listed(
            most + 1, states, text, deleted=deleted, order=sorting.order, reverse=sorting.reverse
        )
        if runs:
            table = list_html.deleted_table if deleted else list_html.run_table
            html = table(runs[:most], sorting.order, sorting.reverse, now)
        elif deleted and not text.strip():
            html = list_html.empty_bin()
        else:
            html = list_html.empty_list(runs_exist=bool(self._studio.jobs(1)))
        # Whatever the filter is: an unfinished run may come to match it.
        unfinished = bool(self._studio.jobs(1, states=_UNFINISHED))
        changed = html if html != seen else gr.skip()
        return changed, gr.update(visible=len(runs) > most), gr.update(active=unfinished), html

    def _delete(self, runs: list[str]) -> str:
        deleted, kept = [], []
        for run in runs:
            try:
                deleted.append(self._studio.delete(run))
            except WrongState:
                kept.append(self._studio.job(run))
            except JobNotFound:
                continue  # gone since it was selected
        return selected_html.deleted(deleted, kept)

    def _tag(self, runs: list[str], text: str) -> str:
        tags = formatting.parse_tags(text)
        if not tags:
            return parts.problems(["Write a tag: a word, or several with commas between them."])
        tagged, problems = 0, []
        for run in runs:
            try:
                self._studio.add_tags(run, tags)
                tagged += 1
            except JobNotFound:
                continue  # gone since it was selected
            except KNOWN as error:
                problems.append(str(error))
        return parts.problems(problems) or selected_html.tagged(tags, tagged)


def _runs(event: gr.EventData) -> list[str]:
    """The runs that an event is about."""
    runs = told(event, "runs")
    return [str(run) for run in runs[:_MOST_RUNS]] if isinstance(runs, list) else []


def list_at(query: Mapping[str, str]) -> tuple[str, str, str, int]:
    """The filter, the words to search for, the sort and the rows of the list at an address."""
    filter_name, rows = query.get("show", ""), query.get("rows", "")
    return (
        filter_name if filter_name in FILTERS else "All",
        query.get("search", ""),
        str(Sort.of(query.get("sort", ""))),
        min(max(int(rows), RUNS_A_PAGE), _MOST_RUNS) if re.fullmatch(r"[0-9]{1,6}", rows) else RUNS_A_PAGE,
    )
