"""Work that costs nothing, for tests of what surrounds the work."""

from __future__ import annotations

import signal
import subprocess
import time

from app.jobs.job_reporter import JobReporter
from app.jobs.run_end import Outcome
from storage.artifacts import ArtifactStore
from storage.jobs import Job


def work(job: Job, reporter: JobReporter, artifacts: ArtifactStore) -> Outcome:
    """Counts to the run's steps, `seconds` of its config each; deaf to a stop if its config says so."""
    reporter.phase("Training")
    if job.config.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "300"])
    step, stopped = 0, False
    while step < job.steps and not stopped:
        step += 1
        time.sleep(job.config.get("seconds", 0))
        reporter.log(step, {"loss": 1 / step})
        stopped = not job.config.get("deaf") and reporter.should_stop()
    if error := job.config.get("error"):
        raise {"OSError": OSError(28, "No space left on device"), "KeyError": KeyError("x")}[error]
    if job.config.get("before_training"):
        return Outcome(stopped, step, {}, has_prompt=False)
    with artifacts.stage(job.id) as folder:
        (folder / "prompt.txt").write_text(str(step))
    return Outcome(stopped, step, {"loss": 1 / step}, job.config.get("failure", ""))
