"""What the Tune page says of a backbone."""

from __future__ import annotations

from app.backbones import BackboneChoice
from app.views import formatting


def card(choice: BackboneChoice) -> str:
    """An offered backbone: its name, what it is good for, and its facts; three lines of plain text."""
    offered = choice.offered
    facts = [f"{formatting.count(offered.parameters)} parameters", offered.architecture, offered.licence]
    if offered.gated:
        facts.append("gated")
    where = "on this machine" if choice.is_local else f"{formatting.bytes_text(offered.download_bytes)} to download"
    name = formatting.backbone_name(choice.reference)
    return f"{name}\n{offered.good_for}.\n{' · '.join([*facts, where])}"
