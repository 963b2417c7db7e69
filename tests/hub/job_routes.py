"""What the small Hub answers about jobs, as huggingface.co does (read in huggingface_hub 2.4)."""

from __future__ import annotations

import json

from tests.hub.connection import Refusal
from tests.hub.jobs import FLAVORS, HubJob
from tests.hub.reading import ReadingRoutes

JOB = r"/api/jobs/(?P<namespace>[^/]+)/(?P<id>[^/]+)"


class JobRoutes(ReadingRoutes):
    """Jobs of an account, for those who may write in it."""

    def hardware(self) -> None:
        self.json(FLAVORS)

    def list_jobs(self, namespace: str) -> None:
        self._check(namespace)
        stages, labels = self.query.get("stage", []), [label.split("=", 1) for label in self.query.get("label", [])]
        infos = [job.info() for job in self.hub.jobs if job.owner == namespace]
        self.json(
            [
                info
                for info in infos
                if (not stages or info["status"]["stage"] in stages)
                and all((info["labels"] or {}).get(name) == value for name, value in labels)
            ]
        )

    def start_job(self, namespace: str) -> None:
        self._check(namespace)
        asked = json.loads(self.body)
        if asked["flavor"] not in [flavor["name"] for flavor in FLAVORS]:
            raise Refusal(400, f"Unknown flavor {asked['flavor']}")
        job = HubJob(f"{len(self.hub.jobs) + 1:024x}", namespace, asked)
        self.hub.jobs.append(job)
        if self.hub.runs_jobs:
            job.run(self.hub.url)
        if self.hub.break_at_job:
            self.hub.break_at_job = False
            self.hang_up()
        self.json(job.info())

    def job(self, namespace: str, id: str) -> None:
        self.json(self._job(namespace, id).info())

    def job_log(self, namespace: str, id: str) -> None:
        lines = self._job(namespace, id).lines()[-int(self.query.get("tail", ["1000"])[0]) :]
        events = [{"data": line, "timestamp": "2026-01-01T00:00:00.000Z"} for line in lines]
        self.send("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode())

    def cancel_job(self, namespace: str, id: str) -> None:
        self._job(namespace, id).end("CANCELED")
        self.json({})

    def _check(self, namespace: str) -> None:
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        if not account.may_write_in(namespace):
            raise Refusal(403, "Forbidden: you may not start jobs under this namespace")

    def _job(self, namespace: str, id: str) -> HubJob:
        self._check(namespace)
        for job in self.hub.jobs:
            if (job.owner, job.id) == (namespace, id):
                return job
        raise Refusal(404, "Job not found")
