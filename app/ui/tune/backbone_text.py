"""What the Tune page says of a backbone."""

from __future__ import annotations

from app.backbones import BackboneChoice
from app.hub.model_search import FoundModel
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


def found_card(model: FoundModel) -> str:
    """A model of the Hub: its id and its facts; two lines of plain text."""
    facts = [f"{formatting.count(model.parameters)} parameters"] if model.parameters else []
    facts += [model.licence] if model.licence else ["no licence named"]
    facts += ["gated"] if model.gated else []
    facts.append(f"{formatting.count(model.downloads)} downloads")
    return f"{model.id}\n{' · '.join(facts)}"
