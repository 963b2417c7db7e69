"""The part of the Tune page that takes a table: a dropped or chosen file, or rows that are pasted."""

from __future__ import annotations

import gradio as gr

from app.data.datasets import DatasetEntry
from app.ui.components import piece
from app.views import formatting
from lamp.data.tables import ENDINGS

_ABOUT = {
    "support-tickets.csv": ("Support tickets", "messages to a shop: which of five desks settles each?"),
    "plain-english.csv": ("Plain English", "sentences of officialese: what do they mean in plain words?"),
}
"""Title and content of each sample."""

_ICON = (
    '<svg viewBox="0 0 48 48" width="44" height="44" aria-hidden="true" fill="none" stroke="currentColor" '
    'stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="7" y="9" width="34" height="30" rx="4"/>'
    '<path d="M7 18h34M7 28.5h34M18.5 18v21"/></svg>'
)
_ZONE = (
    f'<div class="ls-drop"><div class="ls-drop-file">{_ICON}<strong>Drop a table here</strong>'
    '<button type="button" data-choose>Choose a file</button>'
    f"<small>CSV, Excel, JSON Lines, Parquet and more</small></div>"
    '<div class="ls-drop-paste"><label for="ls-paste">or paste rows from a spreadsheet</label>'
    '<textarea id="ls-paste" rows="4" spellcheck="false" placeholder="Copy the cells with their headings, and paste '
    'them here."></textarea><button type="button" data-add>Add these rows</button></div></div>'
)
_SCRIPT = """
const box = () => document.querySelector('#upload input[type=file]')
const send = (file, tries = 20) => {
    if (!file) return
    if (!box()) { // the last file is still shown in its place
        document.querySelector('#upload button[aria-label=Clear]')?.click()
        if (tries) setTimeout(send, 100, file, tries - 1)
        return
    }
    const files = new DataTransfer()
    files.items.add(file)
    box().files = files.files
    box().dispatchEvent(new Event('change', {bubbles: true}))
}
const add = (rows) => {
    const ending = rows.split('\\n', 1)[0].includes('\\t') ? 'tsv' : 'csv'
    send(new File([rows], 'pasted rows.' + ending, {type: 'text/plain'}))
}
element.addEventListener('click', (event) => {
    if (event.target.closest('[data-choose]')) box()?.click()
    const rows = element.querySelector('textarea')
    if (event.target.closest('[data-add]')) { add(rows.value); rows.value = '' }
})
document.addEventListener('paste', (event) => {
    const field = event.target.closest?.('input, textarea, [contenteditable]')
    if (!element.isConnected || (field && !element.contains(field))) return
    const file = event.clipboardData.files[0], rows = event.clipboardData.getData('text/plain')
    if (!rows.trim().includes('\\n') && !file) return
    event.preventDefault()
    if (rows.trim().includes('\\n')) add(rows)
    else send(file)
})
const zone = () => element.querySelector('.ls-drop')
element.addEventListener('dragover', (event) => { event.preventDefault(); zone().classList.add('ls-over') })
element.addEventListener('dragleave', (event) => {
    if (!element.contains(event.relatedTarget)) zone().classList.remove('ls-over')
})
element.addEventListener('drop', (event) => {
    event.preventDefault()
    zone().classList.remove('ls-over')
    const rows = event.dataTransfer.getData('text/plain')
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0])
    else if (rows.trim().includes('\\n')) add(rows)
})
"""
"""JavaScript of the zone: whatever is given becomes the file of Gradio's own box, which uploads it."""


def layout() -> tuple[gr.HTML, gr.File]:
    """Lays this part out: the zone, and Gradio's box for a file, which is seen only while it uploads."""
    zone = piece(_ZONE, elem_id="drop", script=_SCRIPT)
    return zone, gr.File(label="Your own table", file_types=list(ENDINGS), height=120, elem_id="upload")


def sample_card(entry: DatasetEntry) -> str:
    """A sample: its title, and what is in it; two lines of plain text."""
    title, about = _ABOUT.get(entry.name, (entry.stem, ""))
    return f"{title}\n{entry.rows:,} {about}" if about else f"{title}\n{formatting.rows(entry.rows)}"
