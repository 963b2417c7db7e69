"""The components that show a run, each with how it is drawn from the run's view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from app.views.run_view import RunView

Seen = tuple[Any, ...]
"""The value that each component showed last, in the table's order; None for one that has shown nothing yet."""

_Component = TypeVar("_Component", bound=gr.blocks.Block)


@dataclass(frozen=True)
class _Entry:
    component: gr.blocks.Block
    value: Callable[[RunView], Any]
    update: Callable[[Any], Any]
    without_run: Callable[[str], Any] | None


class ViewTable:
    """A table of (component, how it is drawn); only what changed since a page saw it last is sent to it."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def add(
        self,
        component: _Component,
        value: Callable[[RunView], Any],
        update: Callable[[Any], Any] = lambda value: value,
        *,
        without_run: Callable[[str], Any] | None = None,
    ) -> _Component:
        """Adds a component and returns it.

        value: what the component shows of a view; it is compared with what it showed before.
        update: turns a value that has changed into what Gradio takes: by default the value itself.
        without_run: the value for a run that cannot be read, from the error's sentence; by default nothing changes.
        """
        self._entries.append(_Entry(component, value, update, without_run))
        return component

    @property
    def components(self) -> list[gr.blocks.Block]:
        """The outputs of a handler that returns `updates`."""
        return [entry.component for entry in self._entries]

    @property
    def unseen(self) -> Seen:
        """What a page that was opened just now has seen: nothing."""
        return (None,) * len(self._entries)

    def without(self, component: gr.blocks.Block, seen: Seen) -> Seen:
        """What a page has seen, as if it had not seen this component: it is sent again."""
        return tuple(
            None if entry.component is component else value for entry, value in zip(self._entries, seen, strict=True)
        )

    def shown(self, component: gr.blocks.Block, seen: Seen) -> Any:
        """What a page has seen of a component."""
        return next(value for entry, value in zip(self._entries, seen, strict=True) if entry.component is component)

    def updates(self, view: RunView, seen: Seen) -> tuple[list[Any], Seen]:
        """An update for each component, gr.skip() for one that did not change, and what the page has seen then."""
        return self._changed(tuple(entry.value(view) for entry in self._entries), seen)

    def updates_without_run(self, sentence: str, seen: Seen) -> tuple[list[Any], Seen]:
        """Like `updates`, for a run that cannot be read. sentence: why."""
        values = tuple(
            before if entry.without_run is None else entry.without_run(sentence)
            for entry, before in zip(self._entries, seen, strict=True)
        )
        return self._changed(values, seen)

    def _changed(self, values: Seen, seen: Seen) -> tuple[list[Any], Seen]:
        updates = [
            gr.skip() if value == before else entry.update(value)
            for entry, value, before in zip(self._entries, values, seen, strict=True)
        ]
        return updates, values
