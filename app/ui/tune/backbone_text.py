"""What the Tune page says of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from app.backbones.models import Missing
from app.backbones.registry import BackboneChoice
from app.backbones.stored import StoredBackbone
from app.hub.downloads import Download, DownloadState
from app.hub.model_search import FoundModel
from app.machine.fit import Fit
from app.ui import parts
from app.ui.language import t
from app.views import formatting


def card(choice: BackboneChoice, seconds: float | None = None) -> str:
    """An offered backbone: its name, what it is good for, and its facts; three lines of plain text.

    seconds: of a recommended run here; None where that is unknown.
    """
    offered = choice.offered
    facts = [t(f"{_size(offered.parameters)} parameters"), t(offered.architecture), offered.licence]
    if offered.gated:
        facts.append(t("gated"))
    facts.append(t("on this machine" if choice.is_local else f"{_bytes(offered.download_bytes)} to download"))
    if seconds is not None:
        facts.append(t(f"{formatting.about(seconds)} for a recommended run"))
    if choice.is_too_large:
        facts.append(t("too large for this machine"))
    return "\n".join([formatting.backbone_name(choice.reference), t(f"{offered.good_for}."), " · ".join(facts)])


def found_card(model: FoundModel) -> str:
    """A model of the Hub: its id and its facts; two lines of plain text."""
    facts = [t(f"{_size(model.parameters)} parameters")] if model.parameters else []
    facts.append({"": t("no licence named"), "other": t("a licence of its own")}.get(model.licence, model.licence))
    facts += [t("gated")] if model.gated else []
    facts.append(t(f"{formatting.count(model.downloads)} downloads"))
    return f"{model.id}\n{' · '.join(facts)}"


def fit(fit: Fit) -> str:
    """What a backbone needs of this machine, as one sentence with numbers."""
    where = f"About {_bytes(fit.download)} to download" if fit.download else "On this machine"
    needs = f"needs about {_bytes(fit.training)}"
    if fit.memory is None:
        return f"{where}; {needs} of memory."
    memory = f"{_bytes(fit.memory)} of {'GPU ' if fit.is_gpu else ''}memory"
    if fit.fits_memory:
        return f"{where}; {needs} of the {memory}."
    return f"{where}. Perhaps too large for this machine: it {needs}, more than the {memory}."


def download(download: Download | None, missing: Missing | None) -> str:
    """How far a download is, or what can be downloaded, as HTML; empty when there is nothing to say."""
    if download and download.state is DownloadState.RUNNING:
        if not download.total:
            return parts.bar(0, "Download", moving=True) + parts.small("Asking the Hub …")
        numbers = f"{formatting.bytes_text(download.done)} of {formatting.bytes_text(download.total)}"
        return parts.bar(download.share, "Download") + parts.small(f"{numbers} ({100 * download.share:.0f} %)")
    if download and download.state is DownloadState.FAILED:
        return parts.notice(download.error, "bad", "Not downloaded.")
    if missing is None:
        return ""
    if missing.here:
        return parts.small(f"{_bytes(missing.here)} of {_bytes(missing.total)} are here already.")
    return parts.small("A run downloads it when it starts; all runs share it.")


def stored(backbones: Sequence[StoredBackbone], now: datetime) -> str:
    """The backbones on this machine as HTML, each with its size, its last use, and a button that removes it."""
    if not backbones:
        return parts.small("No model is on this machine yet.")
    total = formatting.bytes_text(sum(backbone.bytes for backbone in backbones))
    lines = "".join(_stored(backbone, now) for backbone in backbones)
    return f'<div class="ls-stored">{lines}</div>{parts.small(f"{total} in all.")}'


def _stored(backbone: StoredBackbone, now: datetime) -> str:
    name = escape(backbone.reference)
    facts = formatting.bytes_text(backbone.bytes) + ("" if backbone.is_whole else t(", downloaded in part"))
    button = f'<button type="button" data-remove="{name}" aria-label="{t(f"Remove {name}")}">{t("Remove")}</button>'
    used = t(", last used")
    kept = f"<small>{escape(t(backbone.why_kept))}</small>" if backbone.why_kept else ""
    return (
        f"<div><div><strong>{name}</strong><small>{facts}{used} {parts.moment(backbone.last_used, now)}</small>"
        f"{kept}</div>{'' if kept else button}</div>"
    )


def _size(number: int) -> str:
    """A number of parameters in two or three digits, such as "135 M" or "1.2 B"."""
    return f"{number / 1e9:.1f} B" if number >= 9.95e8 else f"{number / 1e6:.0f} M" if number >= 1e6 else f"{number:,}"


def _bytes(size: int) -> str:
    """A size as a rough figure, such as "1.2 GB" or "270 MB"."""
    return formatting.bytes_text(size) if size >= 1e9 or size < 1e6 else f"{size / 1e6:.0f} MB"
