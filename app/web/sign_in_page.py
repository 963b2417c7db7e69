"""The page on which people sign in. It stands alone: nothing of the studio's pages is sent before."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

_STYLE = """
:root { color-scheme: light dark; --page: #faf8f5; --card: #fff; --line: #d8d1c7; --text: #211c17; --soft: #6b6259; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px; background: var(--page);
  color: var(--text); font: 16px/1.5 ui-sans-serif, system-ui, sans-serif; }
main { width: 100%; max-width: 380px; padding: 28px; background: var(--card); border: 1px solid var(--line);
  border-radius: 16px; }
h1 { margin: 0 0 4px; font-size: 22px; }
p { margin: 0 0 18px; color: var(--soft); }
label { display: block; margin: 0 0 14px; font-weight: 600; }
input { display: block; width: 100%; margin-top: 4px; padding: 10px 12px; font: inherit; font-weight: 400;
  color: inherit;  background: var(--page); border: 1px solid var(--soft); border-radius: 10px; }
button, .go { display: block; width: 100%; margin-top: 20px; padding: 11px; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; color: #241703; background: #f5a524; border: 1px solid #e8940c;
  border-radius: 10px; cursor: pointer; }
:focus-visible { outline: 3px solid #d97706; outline-offset: 2px; }
[role=alert] { color: #a3261b; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12100e; --card: #1d1a17; --line: #453e37; --text: #f3efe9; --soft: #a89f95; }
  [role=alert] { color: #ff9d92; }
}
"""


def password_page(problem: str = "", target: str = "/", name: str = "") -> str:
    """Asks for a name and a password. problem: why they were not taken; target: the page that is wanted then."""
    return _page(
        "The runs and data sets in here are yours alone.",
        problem,
        f'<form method="post" action="/login"><input type="hidden" name="target" value="{escape(target)}">'
        f'<label>Name<input name="username" value="{escape(name)}" autocomplete="username" autocapitalize="none" '
        f"required{' autofocus' if not name else ''}></label>"
        '<label>Password<input name="password" type="password" autocomplete="current-password" '
        f"required{' autofocus' if name else ''}></label><button>Sign in</button></form>",
    )


def hub_page(problem: str = "", target: str = "/") -> str:
    """Leads to the Hub. In a frame of the Hub's a new tab is opened: its own sign-in page cannot be framed."""
    return _page(
        "The studio asks the Hub for your name, and for nothing else.",
        problem,
        f'<a class="go" id="go" href="/login/huggingface?target={quote(target, safe="")}">Sign in with Hugging Face</a>'
        "<script>if (self !== top) document.getElementById('go').target = '_blank'</script>",
    )


def _page(below: str, problem: str, body: str) -> str:
    said = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in · LAMP Studio</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" type="image/svg+xml" href="/favicon.ico">'
        f"<style>{_STYLE}</style></head><body><main><h1>LAMP Studio</h1><p>{escape(below)}</p>{said}{body}</main>"
        "</body></html>"
    )
