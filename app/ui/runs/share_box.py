"""The links by which others are shown a run: made, listed and revoked on its About tab."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.ui import parts
from app.ui.components import AT_ONCE, QUIET, REVOKING, piece, studio_address
from app.ui.guard import guarded, inform, told
from app.ui.language import t
from app.views.local_time import zone_of
from storage.links import Link

_QUESTION = parts.notice("Whoever has it sees nothing of this run from then on.", "warn", "Revoke the link?")


class ShareBox:
    """The handlers of the box."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def show(self, run: str, zone: str) -> str:
        """The run's links. zone: the name of the browser's time zone."""
        if not run:
            return ""
        now = datetime.now(zone_of(zone))
        head = f"<tr><th scope=col>{t('Begins with')}</th><th scope=col>{t('Made')}</th><td></td></tr>"
        lines = "".join(_line(link, now) for link in self._studio.links(run))
        return f'<table class="ls-tokens"><thead>{head}</thead><tbody>{lines}</tbody></table>' if lines else ""

    def make(self, run: str, zone: str, request: gr.Request) -> list[Any]:
        """Makes a link: its address, and the list."""
        _, secret = self._studio.make_link(run)
        address = f"{studio_address(request, 'runs')}/shared?link={secret}"
        return [gr.Textbox(address, visible=True), self.show(run, zone)]

    def ask(self, event: gr.EventData) -> list[Any]:
        """The number of the link whose button was pressed, and where it is asked."""
        return [told(event, "number"), gr.Column(visible=True)]

    def revoke(self, run: str, number: int | None, zone: str) -> list[Any]:
        """Revokes the link; where it was asked, and the list."""
        self._studio.revoke_link(run, int(number or 0))
        inform("The link is revoked.")
        return [gr.Column(visible=False), self.show(run, zone)]


def _line(link: Link, now: datetime) -> str:
    return (
        f'<tr><th scope="row"><code>{link.start}…</code></th>'
        f'<td data-label="{t("Made")}">{parts.moment(link.created_at, now)}</td>'
        f"<td>{parts.revoke(link.number, f'the link that begins with {link.start}')}</td></tr>"
    )


def build(studio: Studio, run: gr.State, zone: gr.Textbox, ready: gr.Textbox, tab: gr.Tab) -> None:
    """Lays the box out and wires it. ready: the view's `prompt_version`; tab: the one that it stands on."""
    piece(
        parts.title(
            "Share",
            "A link shows this run to anybody who signs in here and has the link: scores, curves, tested rows with "
            "their texts, trying the prompt and its download. Nothing can be changed with it.",
        )
    )
    make = gr.Button("Make a link", size="md", elem_id="share")
    made = gr.Textbox(
        "",
        label="The link",
        info="Copy it now: it is shown this once and kept nowhere.",
        buttons=["copy"],
        interactive=False,
        visible=False,
        elem_id="link",
    )
    with gr.Column(visible=False, elem_classes="ls-confirm") as confirm:
        piece(_QUESTION)
        with gr.Row():
            yes = gr.Button("Yes, revoke", size="md", variant="stop", elem_id="link-revoke-yes")
            no = gr.Button("Keep it", size="md", elem_id="link-revoke-no")
    table = piece(script=REVOKING, elem_id="links")
    chosen = gr.Number(visible="hidden", label="Link")

    box = ShareBox(studio)
    gr.on([tab.select, ready.change], guarded(box.show), [run, zone], table, **QUIET)
    make.click(guarded(box.make), [run, zone], [made, table], **QUIET)
    table.click(guarded(box.ask), None, [chosen, confirm], **AT_ONCE)
    no.click(lambda: gr.Column(visible=False), None, confirm, **AT_ONCE)
    yes.click(guarded(box.revoke), [run, chosen, zone], [confirm, table], **AT_ONCE)
