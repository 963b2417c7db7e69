"""Tries one backbone in a process of its own: `python -m app.planning.probing_worker FOLDER REFERENCE`.

The last line of standard output is {"problem": sentence}, "" for a backbone that can be read exactly. It ends at once
when standard input is closed, which happens when the studio ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from app.processes.child_memory import be_ended_first, limit_memory
from lamp.errors import BackboneError
from lamp.process import prepare_process


def main() -> int:
    """Tries the backbone; returns 0 if it is known whether it can be read."""
    folder, reference = sys.argv[1:]
    prepare_process()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.nice(10)  # runs go first
    threading.Thread(target=_end_with_the_studio, daemon=True).start()
    be_ended_first()
    limit_memory()
    from lamp.backbone.frozen import FrozenBackbone

    problem = ""
    try:
        FrozenBackbone.load(reference, folder)
    except BackboneError as error:
        problem = str(error)
    print(json.dumps({"problem": problem}), flush=True)
    return 0


def _end_with_the_studio() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
