"""What a process of the studio tells in lines of JSON, where libraries print too."""

from __future__ import annotations

import json
from typing import Any


def message_in(line: str) -> dict[str, Any]:
    """What is told in a line; empty for a line of a library."""
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
