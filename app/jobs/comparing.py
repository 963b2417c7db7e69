"""The worker's part of comparing a run with other ways. Finished results are stored and not computed again."""

from __future__ import annotations

from app.backbones.registry import Backbones
from app.data.datasets import Datasets
from app.jobs.fetching import fetch_backbone
from app.jobs.job_reporter import JobReporter
from app.jobs.tuning import rows_of
from app.run import Run
from app.settings import Settings
from lamp.baselines.ways import Request, WayResult, keep_result, read_ways
from lamp.errors import DataError, TrainingError
from lamp.training.run_digest import other_run
from storage.home import Home
from storage.jobs import Job, JobStore
from storage.uploads import UploadStore


def comparison_config(run: Run, request: Request, made_for: str) -> dict[str, object]:
    """Returns the `config` of a comparison's job. made_for: identifies the prompt, if the run had several in turn."""
    return {
        "backbone": run.config.backbone,
        "ways": list(request.ways),
        "instruction": request.instruction,
        "steps": run.job.step,
        "made_for": made_for,
    }


def compare_job(settings: Settings, store: JobStore, uploads: UploadStore, job: Job, reporter: JobReporter) -> bool:
    """Tries the ways that are not finished; returns True if all are now, False if it was stopped.

    Raises LampError, StorageError.
    """
    run, home, backbones = Run.of(store.get(job.parent or "")), Home(settings.work_home), Backbones(settings)
    if not fetch_backbone(backbones, run.config.backbone, reporter):
        return False
    reporter.phase("Loading the data")
    _, splits = rows_of(Datasets(uploads), run)
    if difference := other_run(home.checkpoints(run.job.id), run.config, splits):
        raise TrainingError(f"The run has {difference}, so nothing can be compared with it: start it again.")
    file, made_for = home.other_ways(run.job.id), str(job.config["made_for"])
    try:
        done = {result.way for result in read_ways(file, made_for) if result.comparison == job.id}
    except DataError:  # a damaged file is written anew
        done = set()

    def keep(result: WayResult) -> None:
        keep_result(result, file, made_for)

    reporter.phase("Loading the libraries")  # not at the top of the file, so that the heartbeat goes on meanwhile
    from lamp.baselines.compare import try_ways

    return try_ways(
        run.config,
        splits,
        Request(tuple(job.config["ways"]), str(job.config["instruction"])),
        int(job.config["steps"]),
        reporter,
        keep,
        job.id,
        done,
        backbones.source(run.config.backbone),
        home.tokens,
    )
