"""What a recipe would read, train and take, as JSON values for scripts."""

from __future__ import annotations

from typing import Any

from app.views.plan import Plan


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """A plan as JSON values; "data" and "training" are None where they are unknown because of the problems."""
    preview, estimate = plan.preview, plan.estimate
    return {
        "problems": list(plan.problems),
        "warnings": [*plan.warnings, *plan.backbone_warnings],
        "data": preview
        and {
            "name": preview.dataset_name,
            "columns": list(preview.columns),
            "rows": preview.row_count,
            "train_rows": preview.train_rows,
            "validation_rows": preview.validation_rows,
            "test_rows": preview.test_rows,
            "task": preview.task,
            "labels": dict(preview.labels),
        },
        "training": estimate
        and {
            "trainable": estimate.trainable,
            "virtual_tokens": estimate.virtual_tokens,
            "steps": estimate.steps,
            "epochs": estimate.epochs,
            "seconds": estimate.quote.seconds,
            "memory_bytes": estimate.quote.memory,
            "measured": estimate.quote.measured,
            "elsewhere": estimate.quote.elsewhere,
        },
    }
