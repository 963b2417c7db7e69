"""The Access page: making a token, the list of them, revoking one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from app.studio import Studio
from app.studio_parts.tokens import LASTS
from app.ui import parts, top
from app.ui.access import access_html
from app.ui.components import AT_ONCE, BROWSER_ZONE, QUIET, REVOKING, piece, studio_address
from app.ui.guard import KNOWN, guarded, inform
from app.views.local_time import zone_of
from storage.errors import NotStored

_ENDS = {0: "Never", 30: "In 30 days", 90: "In 90 days", 365: "In a year"}
_USE = """read -rs STUDIO_TOKEN && export STUDIO_TOKEN  # asks for it: no history of commands keeps it
lamp-studio --studio {address} runs

# in Python
import os
from gradio_client import Client
studio = Client("{address}", headers={{"Authorization": "Bearer " + os.environ["STUDIO_TOKEN"]}})"""


class AccessPage:
    """The handlers of the page. A new token is sent to the page that has asked for it, and nowhere else."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def show(self, zone: str) -> str:
        """The list. zone: the name of the browser's time zone."""
        return access_html.tokens(self._studio.tokens(), datetime.now(zone_of(zone)))

    def usage(self, request: gr.Request) -> str:
        """How a program sends a token, with the studio's address as this browser has it."""
        return _USE.format(address=studio_address(request, "access"))

    def make(self, name: str, may: str, days: int, zone: str) -> list[Any]:
        """Makes a token: what is said of it, the token, the box that shows it, the name's field and the list."""
        try:
            token, secret = self._studio.make_token(name, may != access_html.EVERYTHING, days)
        except KNOWN as error:
            return [parts.problems([str(error)]), "", gr.Column(visible=False), gr.skip(), gr.skip()]
        return [access_html.made(token), secret, gr.Column(visible=True), "", self.show(zone)]

    def ask(self, event: gr.EventData) -> list[Any]:
        """The number of the token whose button was pressed, the question, and where it is asked."""
        number = getattr(event, "number", None)
        token = next((one for one in self._studio.tokens() if one.number == number), None)
        if token is None:
            raise NotStored("There is no such token: it was revoked already.")
        return [token.number, access_html.asked(token), gr.Column(visible=True)]

    def revoke(self, number: int | None, zone: str) -> list[Any]:
        """Revokes the token; where it was asked, and the list."""
        self._studio.revoke_token(int(number or 0))
        inform("The token is revoked.")
        return [gr.Column(visible=False), self.show(zone)]


def build(studio: Studio, page: gr.Blocks) -> None:
    """Lays the page out in the current Blocks and wires it."""
    top.build(studio, "Access")
    piece(
        '<div class="ls-hero ls-flat"><h1>Your access</h1><p>A program shows a token in place of your password, and '
        "acts as you: it sees your runs and data sets. Give it to nobody else.</p></div>"
    )
    piece(parts.title("New token"))
    with gr.Row(elem_classes="ls-details"):
        with gr.Column(min_width=280):
            name = gr.Textbox(
                "",
                label="Name",
                info="What uses it, such as nightly training.",
                max_length=120,
                max_lines=1,
                elem_id="token-name",
            )
        with gr.Column(min_width=280):
            may = gr.Radio(
                [access_html.READS, access_html.EVERYTHING],
                value=access_html.READS,
                label="It may do",
                info="Reading includes trying prompts and downloads.",
                elem_id="token-may",
            )
            days = gr.Radio([(_ENDS[one], one) for one in LASTS], value=LASTS[0], label="It ends", elem_id="token-ends")
    make = gr.Button("Make a token", variant="primary", elem_id="token-make", elem_classes="ls-back")
    said = piece(elem_id="token-said", elem_classes="ls-slot")
    with gr.Column(visible=False, elem_id="token-made") as shown:
        secret = gr.Textbox("", label="The token", buttons=["copy"], interactive=False, elem_id="token")
        usage = gr.Code("", language="shell", label="How a program sends it", interactive=False)
    piece(parts.title("Your tokens", "Of each, only a digest is kept."))
    with gr.Column(visible=False, elem_id="token-revoke", elem_classes="ls-confirm") as confirm:
        question = piece()
        with gr.Row():
            yes = gr.Button("Yes, revoke", size="md", variant="stop", elem_id="token-revoke-yes")
            no = gr.Button("Keep it", size="md", elem_id="token-revoke-no")
    table = piece(script=REVOKING, elem_id="tokens")
    zone, chosen = gr.Textbox("", visible="hidden", label="Time zone"), gr.Number(visible="hidden", label="Token")

    handlers = AccessPage(studio)
    page.load(None, None, zone, js=BROWSER_ZONE, **AT_ONCE).then(guarded(handlers.show), zone, table, **AT_ONCE)
    page.load(guarded(handlers.usage), None, usage, **AT_ONCE)
    gr.on(
        [make.click, name.submit],
        guarded(handlers.make),
        [name, may, days, zone],
        [said, secret, shown, name, table],
        **QUIET,
    )
    asked = table.click(guarded(handlers.ask), None, [chosen, question, confirm], **AT_ONCE)
    asked.then(None, None, None, js="() => document.getElementById('token-revoke')?.scrollIntoView({block: 'nearest'})")
    no.click(lambda: gr.Column(visible=False), None, confirm, **AT_ONCE)
    yes.click(guarded(handlers.revoke), [chosen, zone], [confirm, table], **AT_ONCE)
