"""The top of every page: its links, and who has signed in."""

from __future__ import annotations

from app.studio import Studio
from app.ui import parts
from app.ui.components import piece

_WHO = (
    '<form class="ls-who" method="post" action="logout" onsubmit="sessionStorage.clear()">'
    '<a href="access" title="Your access: tokens for programs"{}></a>{}</form>'
)
"""With the person goes what they have typed into the form, which this browser keeps until its tab is closed."""
_NAME = """const who = element.querySelector('.ls-who a')
if (who) who.textContent = window.gradio_config?.username ?? ''"""


def build(studio: Studio, current: str) -> None:
    """Lays it out in the current Blocks, which are built once for everybody. current: the name of this page."""
    sign_in = studio.settings.sign_in
    out = "" if sign_in.header else "<button>Sign out</button>"  # of a proxy, people sign out there
    who = _WHO.format(" aria-current=page" if current == "Access" else "", out)
    piece(parts.header(current, who if sign_in.asks else ""), script=_NAME if sign_in.asks else None)
