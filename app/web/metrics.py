"""Figures of the studio in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

    from app.views.vitals import Vitals


def metrics_text(vitals: Callable[[], Vitals]) -> Callable[[], bytes]:
    """A function that returns the figures as they are when it is called. It raises StorageError."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector

    class Studio(Collector):
        """What is asked of the store at each call."""

        def collect(self) -> Iterator[Metric]:
            now = vitals()
            runs = GaugeMetricFamily("lamp_studio_runs", "Runs that are not deleted, by state.", labels=["state"])
            for state, count in now.runs.items():
                runs.add_metric([state.value], count)
            yield runs
            yield GaugeMetricFamily("lamp_studio_slots", "Runs that can go on at a time.", now.slots)
            yield GaugeMetricFamily("lamp_studio_disk_free_bytes", "Free disk for the studio's files.", now.free_bytes)

    registry = CollectorRegistry()
    registry.register(Studio())
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
