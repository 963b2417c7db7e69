"""Downloads a run's backbone before its training starts."""

from __future__ import annotations

from app.backbones.registry import Backbones
from app.hub.download_process import run_download
from app.jobs.job_reporter import JobReporter
from lamp.hub.catalog import is_hub_id

_NOTES = 10
"""Number of lines that a download writes into the log."""


def fetch_backbone(backbones: Backbones, reference: str, reporter: JobReporter) -> bool:
    """Downloads a backbone that is not on this machine; False if the run was stopped meanwhile.

    Raises BackboneError.
    """
    source = backbones.source(reference)
    if backbones.is_local(reference) or not is_hub_id(source):
        return True  # loading it reports what is wrong with it
    reporter.phase(f"Downloading {source}")
    noted = 0

    def on_bytes(done: int, total: int) -> None:
        nonlocal noted
        if not total:
            return
        reporter.part(done / total)
        if (tenths := done * _NOTES // total) > noted:
            noted = tenths
            reporter.note(f"{done / 1e9:.2f} GB of {total / 1e9:.2f} GB ({100 * done // total} %) are here.")

    return run_download(source, on_bytes, reporter.should_stop)
