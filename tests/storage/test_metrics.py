"""What a run logs is kept in batches and read back as a curve that hides no peak."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from storage.jobs import Job, JobStore

Add = Callable[..., Job]


def test_values_are_read_back_in_the_order_of_their_steps(store: JobStore, add: Add) -> None:
    job, other = add(), add()
    store.log_values(job.id, [(step, "loss", 1 / step) for step in (3, 1, 2)] + [(2, "validation/accuracy", 0.5)])
    store.log_values(other.id, [(1, "loss", 7.0)])
    assert store.curve(job.id, "loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert store.latest_metrics(job.id) == {"loss": 1 / 3, "validation/accuracy": 0.5}
    assert store.curve(job.id, "nothing of the kind") == []


def test_several_short_curves_are_read_at_once_and_those_of_other_runs_are_not_among_them(
    store: JobStore, add: Add
) -> None:
    job, other = add(), add()
    store.log_values(job.id, [(step, "a", 1 / step) for step in (3, 1)] + [(2, "b", 0.5), (2, "c", 0.1)])
    store.log_values(other.id, [(1, "a", 7.0)])
    assert store.short_curves(job.id, ["a", "b", "d"]) == {"a": [(1, 1.0), (3, 1 / 3)], "b": [(2, 0.5)]}


def test_a_step_that_a_resumed_run_repeats_takes_the_new_value(store: JobStore, add: Add) -> None:
    job = add()
    store.log_values(job.id, [(step, "loss", 1.0) for step in range(1, 6)])
    store.log_values(job.id, [(4, "loss", 2.0), (4, "loss", 3.0), (6, "loss", 1.0)])
    assert store.curve(job.id, "loss") == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 3.0), (5, 1.0), (6, 1.0)]


def test_what_is_no_finite_number_is_left_out(store: JobStore, add: Add) -> None:
    job = add()
    store.log_values(job.id, [(1, "loss", math.nan), (2, "loss", math.inf), (3, "loss", 1.0)])
    assert store.curve(job.id, "loss") == [(3, 1.0)]


def test_a_long_curve_has_at_most_500_points_with_every_spike_in_it(store: JobStore, add: Add) -> None:
    job, rng = add(), random.Random(0)
    values = {step: rng.random() for step in range(1, 12_001)}
    values[7_777], values[3_333] = 50.0, -50.0
    store.log_values(job.id, [(step, "loss", value) for step, value in values.items()])
    curve = store.curve(job.id, "loss")
    assert 400 <= len(curve) <= 500
    assert curve[0] == (1, values[1]) and curve[-1] == (12_000, values[12_000])
    assert (7_777, 50.0) in curve and (3_333, -50.0) in curve
    assert [step for step, _ in curve] == sorted({step for step, _ in curve})
    assert all(values[step] == value for step, value in curve)
    width = math.ceil(12_000 / 249)
    for start in range(1, 12_001, width):
        span = [values[step] for step in range(start, min(start + width, 12_001))]
        shown = [value for step, value in curve if start <= step < start + width]
        assert (min(shown), max(shown)) == (min(span), max(span))


def test_a_curve_of_sparse_far_apart_steps_is_thinned_too(store: JobStore, add: Add) -> None:
    job = add()
    store.log_values(job.id, [(step * 1000, "loss", float(step % 7)) for step in range(1, 2001)])
    assert len(store.curve(job.id, "loss", points=100)) <= 100


def test_a_run_that_goes_on_from_another_starts_with_its_curves(store: JobStore, add: Add) -> None:
    parent = add()
    store.log_values(parent.id, [(step, "loss", float(step)) for step in range(1, 700)])
    child = add(parent=parent.id, curves_of=parent.id)
    store.log_values(child.id, [(700, "loss", 0.0)])
    assert store.latest_metrics(child.id) == {"loss": 0.0} and store.latest_metrics(parent.id) == {"loss": 699.0}
    assert store.curve(child.id, "loss", 2000)[:-1] == store.curve(parent.id, "loss", 2000)
