"""The Hub's Jobs, through huggingface_hub; each failure is one sentence without the token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from json import JSONDecodeError
from typing import TYPE_CHECKING, TypeVar

from app.disk_full import is_disk_full
from app.hub.client import set_time_limits
from app.machine.rented import RentedMachine
from lamp.errors import LampError
from lamp.plain_line import visible

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LABEL = "lamp-run"
"""Label of each job, whose value is the run that it was started for."""
_ENDED = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_GOING_ON = ("SCHEDULING", "RUNNING")
_PERHAPS_LATER = (408, 409, 412, 425, 429)
"""HTTP statuses of refusals after which another attempt may succeed."""
_LAST_LINES = 30
_T = TypeVar("_T")


class HubAway(LampError):
    """The Hub did not answer, or could not at the moment; the request may have been carried out all the same."""


class HubRefused(LampError):
    """The Hub refused the request."""


def keep_log_clean() -> None:
    """Turns off progress bars and hints of huggingface_hub, in a process whose output is a run's log."""
    from huggingface_hub import utils

    utils.disable_progress_bars()  # type: ignore[attr-defined]  # public, but not in an __all__
    utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def asked(action: Callable[[], _T]) -> _T:
    """Calls huggingface_hub and returns the result. Raises HubAway, HubRefused."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return action()
    except HfHubHTTPError as error:
        status = error.response.status_code
        said = visible((error.server_message or "").partition("\n")[0])[:200]
        sentence = f"The Hub answered {status}{f': {said}' if said else '.'}"
        refused = 400 <= status < 500 and status not in _PERHAPS_LATER
        problem: LampError = HubRefused(sentence) if refused else HubAway(sentence)
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        lost = (httpx2.HTTPError, OSError, JSONDecodeError)
        if is_disk_full(error) or not (isinstance(error, lost) or isinstance(error.__cause__, lost)):
            raise
        problem = HubAway(f"The Hub does not answer ({type(error).__name__}).")
    # Raised out here, so that no chain of exceptions leads to a request and its headers.
    raise problem


@dataclass(frozen=True)
class HubJob:
    """A job as the Hub describes it."""

    id: str
    url: str
    stage: str
    """SCHEDULING while it waits for a machine, RUNNING, or how it ended: COMPLETED, CANCELED, ERROR, DELETED."""
    message: str
    """The Hub's explanation of the stage."""
    seconds: int
    """Seconds of machine time paid so far."""

    @property
    def has_ended(self) -> bool:
        """Whether its machine was returned."""
        return self.stage in _ENDED

    @property
    def is_waiting(self) -> bool:
        """Whether it has no machine yet."""
        return self.stage == "SCHEDULING"


class HubJobs:
    """The jobs of the account that a token belongs to. Every method raises HubAway, HubRefused."""

    def __init__(self, token: str, endpoint: str | None = None) -> None:
        """endpoint: replaces HF_ENDPOINT, for tests."""
        from huggingface_hub import HfApi

        set_time_limits()
        self._token = token
        self.api: HfApi = HfApi(endpoint=endpoint, token=token, library_name="lamp-studio")

    @cached_property
    def account(self) -> str:
        """Returns the name of the account, which pays."""
        return str(asked(self.api.whoami)["name"])

    def machines(self) -> list[RentedMachine]:
        """Lists the kinds of machines that can be rented."""
        return [
            RentedMachine(
                flavor=kind.name,
                hardware=kind.pretty_name,
                gpus=int(kind.accelerator.quantity) if kind.accelerator and kind.accelerator.type == "gpu" else 0,
                usd_a_minute=kind.unit_cost_usd if kind.unit_label == "minute" else None,
            )
            for kind in asked(self.api.list_jobs_hardware)
        ]

    def start(self, run: str, command: Sequence[str], *, image: str, flavor: str, hours: float) -> HubJob:
        """Rents a machine for a command, which gets the token as HF_TOKEN from its secrets.

        hours: after which the Hub ends it.
        """
        account = self.account
        started = asked(
            lambda: self.api.run_job(
                image=image,
                command=list(command),
                secrets={"HF_TOKEN": self._token},
                flavor=flavor,
                timeout=int(hours * 3600),
                name=f"lamp-{run}",
                labels={LABEL: run},
                namespace=account,
            )
        )
        return _job(started)

    def job(self, id: str) -> HubJob:
        """Returns a job in its current state."""
        account = self.account
        return _job(asked(lambda: self.api.inspect_job(job_id=id, namespace=account)))

    def last_lines(self, id: str) -> list[str]:
        """Returns the last lines of a job's output."""
        account = self.account
        return asked(lambda: list(self.api.fetch_job_logs(job_id=id, namespace=account, tail=_LAST_LINES)))

    def end_all(self, run: str) -> bool:
        """Cancels every unfinished job of a run. Returns whether none is left."""
        account = self.account
        jobs = asked(lambda: list(self.api.list_jobs(status=list(_GOING_ON), labels={LABEL: run}, namespace=account)))
        own = [job for job in jobs if (job.labels or {}).get(LABEL) == run and not _job(job).has_ended]
        for job in own:
            asked(lambda id=job.id: self.api.cancel_job(job_id=id, namespace=account))  # type: ignore[misc]
        return not own


def _job(info: object) -> HubJob:
    stage, durations = info.status.stage, info.durations  # type: ignore[attr-defined]
    return HubJob(
        id=info.id,  # type: ignore[attr-defined]
        url=info.url,  # type: ignore[attr-defined]
        stage=str(getattr(stage, "value", stage)),
        message=visible(info.status.message or "")[:300],  # type: ignore[attr-defined]
        seconds=(durations.running_secs or 0) if durations else 0,
    )
