"""The way to the Hub: under whose name, with which card, and what is done with a repository that is there already."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.hub.errors import RepositoryExists
from app.hub.licences import COMMON
from app.hub.publishing import Existing
from app.prompts.bundle import file_name
from app.studio import Studio
from app.ui import parts
from app.ui.asking import granted
from app.ui.components import AT_ONCE, QUIET, piece, stage_reporter
from app.ui.guard import KNOWN, guarded

_UNSET = ("Not named", "")
_SPACE = "space"
_ALLOWED = "Your account of the Hub may publish from here once, in the next ten minutes: leave the token empty."
_ALLOW = (
    '<div class="ls-notice ls-calm" role="status">'
    '<a href="/login/huggingface?for=publishing&amp;target={target}" target="_blank">Let the studio publish under your '
    "account</a>, once, or give a token below. The Hub asks you first; it lets the studio make repositories, and write "
    "to those alone.</div>"
)

_SPACES = (_SPACE, "space of all")
_KINDS = [
    ("The prompt", "model"),
    ("A page that answers with it, a Space", _SPACE),
    ("A page for all your prompts on this model", _SPACES[1]),
]


class PublishBox:
    """The handlers of the box. A token stays in the browser until it was used, and is kept nowhere else."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def accounts(self, run: str, repository: str | None, token: str) -> tuple[Any, str]:
        """The repositories that the token's accounts can publish to, and HTML that says what is wrong with it."""
        if not run or not token.strip():
            return gr.skip(), ""
        try:
            owners = self._studio.hub_accounts(token)
        except KNOWN as error:
            return gr.skip(), parts.problems([str(error)])
        name = file_name(self._studio.job(run).name).lower()
        choices = [f"{owner}/{name}" for owner in owners]
        return gr.Dropdown(choices=choices, value=repository or choices[0]), ""

    def permission(self, run: str) -> str:
        """HTML that says whether the studio may publish under the person's own account, or leads them to allow it."""
        if granted():
            return parts.notice(_ALLOWED, "good")
        return _ALLOW.format(target=quote(f"/runs?run={run}&tab=use", safe="")) if run else ""

    def own_accounts(self, run: str) -> tuple[Any, str]:
        """The same, and the repositories of the person's account where the studio may publish there."""
        grant = granted()
        repositories, problem = self.accounts(run, None, grant.token) if grant else (gr.skip(), "")
        return repositories, problem or self.permission(run)

    def card(self, run: str, text: str) -> list[Any]:
        """The licence of the backbone, what is to be said of it, and the card; a card that is there stays."""
        if not run or text:
            return [gr.skip()] * 3
        licence = self._studio.licence(run)
        backbone = self._studio.run(run).config.backbone
        said = (
            f"The licence of {backbone}, which the prompt belongs to."
            if licence
            else f"{backbone} names no licence that could be found: choose one, or leave it open."
        )
        return [gr.Dropdown(value=licence), parts.small(said), self._studio.card(run, licence)]

    def with_licence(self, run: str, licence: str | None) -> str:
        """The card with another licence, as it was before it was edited."""
        return self._studio.card(run, licence or "")

    def publish(
        self,
        run: str,
        repository: str | None,
        token: str,
        private: bool,
        card: str,
        kind: str = "model",
        existing: Existing = "refuse",
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands in its progress bar
    ) -> tuple[str, Any, Any]:
        """Puts the prompt, or a Space with it, on the Hub.

        Returns HTML with the result, the token's field, and whether to ask what is done with a repository that is
        there; only then the token stays, for the answer.
        """
        hidden = gr.Column(visible=False)
        grant = granted() if not token.strip() else None
        token = grant.token if grant else token
        if not (repository or "").strip() or not token.strip():
            return parts.problems(["Give the repository's name and a token that may write to it."]), "", hidden
        try:
            how: dict[str, Any] = {"on_progress": stage_reporter(progress), "existing": existing}
            if kind in _SPACES:
                how["all_of_model"] = kind == _SPACES[1]
                done = self._studio.publish_space(run, repository or "", token, private, **how)
            else:
                done = self._studio.publish(run, repository or "", token, private, card=card or None, **how)
        except RepositoryExists as error:
            return parts.notice(str(error), "warn"), gr.skip(), gr.Column(visible=True)
        except KNOWN as error:
            return parts.problems([str(error)]), "", hidden
        if grant:
            grant.end()
        return (
            f'<div class="ls-notice ls-good" role="status"><strong>Published, and read back without a difference.'
            f'</strong> <a href="{escape(done.url)}" target="_blank" rel="noopener">{escape(done.url)}</a></div>',
            "",
            hidden,
        )


def build(studio: Studio, run: gr.State, ready: gr.Textbox) -> None:
    """Lays the box out and wires it."""
    piece(parts.title("Publish to the Hugging Face Hub", "The token is used for this upload and kept nowhere."))
    with_account = studio.settings.sign_in.hub is not None
    permission = piece(elem_id="publish-permission", visible=with_account, min_height=84)
    token = gr.Textbox(
        "",
        label="Token",
        type="password",
        placeholder="hf_…",
        elem_id="token",
        info="One that may write: huggingface.co/settings/tokens",
    )
    repository = gr.Dropdown(
        [],
        value=None,
        label="Repository",
        allow_custom_value=True,
        elem_id="repository",
        info="owner/name: your own account, or an organisation of yours. The token's accounts are offered.",
    )
    kind = gr.Radio(
        _KINDS, value="model", label="What is published", elem_id="publish-kind", info="A Space runs on a CPU for free."
    )
    private = gr.Checkbox(True, label="Private: only you can see it")
    with gr.Accordion("Model card", open=False, elem_id="card-fold") as fold:
        licence = gr.Dropdown(
            [_UNSET, *((name, name) for name in COMMON)],
            value="",
            label="Licence",
            allow_custom_value=True,
            elem_id="licence",
        )
        said = piece(min_height=24)
        card = gr.Code(
            "", language="markdown", label="Card, as it is published", lines=14, max_lines=24, elem_id="card"
        )
    publish = gr.Button("Publish", size="md", elem_id="publish")
    published = piece(elem_id="published", min_height=40)
    with gr.Row(visible=False, elem_classes="ls-actions") as asked:
        update = gr.Button("Update it", size="md", elem_id="publish-update")
        propose = gr.Button("Propose it as a pull request", size="md", elem_id="publish-propose")

    box = PublishBox(studio)
    token.blur(guarded(box.accounts), [run, repository, token], [repository, published], **QUIET)
    shown: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 4}
    fold.expand(guarded(box.card), [run, card], [licence, said, card], show_progress_on=card, **shown)
    licence.input(guarded(box.with_licence), [run, licence], card, show_progress_on=card, **shown)
    if with_account:
        ready.change(guarded(box.own_accounts), run, [repository, permission], **QUIET)
    ready.change(lambda: "", None, card, **AT_ONCE)  # another prompt has another card
    kind.change(lambda kind: gr.Accordion(visible=kind not in _SPACES), kind, fold, **AT_ONCE)  # a Space has its own
    values: list[Any] = [run, repository, token, private, card, kind]
    for button, existing in ((publish, "refuse"), (update, "update"), (propose, "pull request")):
        inputs = [*values, gr.State(existing)]
        done = button.click(
            guarded(box.publish), inputs, [published, token, asked], show_progress_on=published, **shown
        )
        if with_account:
            done.then(guarded(box.permission), run, permission, **AT_ONCE)
