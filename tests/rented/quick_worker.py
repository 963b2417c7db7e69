"""The worker of a rented run, `python -m tests.rented.quick_worker`, which reports and looks more often than in use."""

from __future__ import annotations

import sys
from functools import partial

from app.jobs.rented import worker
from app.jobs.rented.rental import Rental

if __name__ == "__main__":
    setattr(worker, "Rental", partial(Rental, report_seconds=0.3, look_seconds=0.1))  # noqa: B010
    sys.exit(worker.main(sys.argv[1:]))
