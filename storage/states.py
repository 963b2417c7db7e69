"""The states of a run, and the table of allowed transitions."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"

    @property
    def active(self) -> bool:
        """Whether a worker has the run."""
        return self in (JobState.RUNNING, JobState.STOPPING)

    @property
    def finished(self) -> bool:
        """Whether the run has ended; only resuming can change that."""
        return not self.active and self is not JobState.QUEUED

    @property
    def resumable(self) -> bool:
        """Whether the run can be queued again, to continue from its last checkpoint; DONE is final."""
        return JobState.QUEUED in _NEXT[self]


_NEXT: dict[JobState, tuple[JobState, ...]] = {
    JobState.QUEUED: (JobState.RUNNING, JobState.STOPPED),
    JobState.RUNNING: (JobState.STOPPING, JobState.DONE, JobState.FAILED, JobState.STOPPED, JobState.INTERRUPTED),
    JobState.STOPPING: (JobState.DONE, JobState.FAILED, JobState.STOPPED),
    JobState.DONE: (),
    JobState.FAILED: (JobState.QUEUED,),
    JobState.STOPPED: (JobState.QUEUED,),
    JobState.INTERRUPTED: (JobState.QUEUED,),
}


def before(state: JobState) -> tuple[JobState, ...]:
    """Returns the states from which a run may go to `state`."""
    return tuple(earlier for earlier, following in _NEXT.items() if state in following)
