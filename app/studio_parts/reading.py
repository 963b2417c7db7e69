"""A studio of which only what is named can be asked: with a token that only reads, and by the visitors of a demo."""

from __future__ import annotations

from typing import Any

from lamp.errors import LampError

_READS = """
ask_served backbones beside card compare comparison curve dataset datasets disk_use end_asking ended_since export
export_bytes export_state first_rows guess_columns inspection job jobs latest_metrics learned_from licence linked
list_progress listed log_file look_up_dataset may_download mix_partners mix_problem most_gpus numbered_row person plan
prompt_kind prompt_use prompts proposed_instruction published_recipe random_row recipe_file results results_file run
run_view samples search_hub search_log seconds_of_ways served served_called served_run settings sheets storage_used
takes_folders tested_row token_weights try_prompt upload_problem usual_seconds vitals waiting_used warm_up worth
worth_file
"""
READS = frozenset(_READS.split())
"""What `Studio` has that changes nothing of anybody's. What is not named here is refused, as a new method is."""

READS_ONLY = "This token only reads: use one that may do everything you can, made on the Access page."


class NotAllowed(LampError):
    """Something else was asked for."""


class Allowed:
    """A part of a studio, or the whole, of which what is named can be asked and nothing else."""

    def __init__(self, part: object, names: frozenset[str], refusal: str) -> None:
        """refusal: the sentence for everything else."""
        self._part, self._names, self._refusal = part, names, refusal

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise NotAllowed(self._refusal)
        return getattr(self._part, name)
