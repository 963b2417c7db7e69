"""What the tests of tables share: the types of their fixtures, a small table, and the sentence of a refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pytest

from lamp.data.tables import read_table
from lamp.errors import DataError

ROWS = [{"text": "good film", "label": "yes"}, {"text": "dull, long", "label": "no"}]
Write = Callable[[str, bytes | str], Path]


class Pack(Protocol):
    """Writes columns to a Parquet file with options of pyarrow's write_table."""

    def __call__(self, columns: dict[str, object] | pa.Table, **options: object) -> Path: ...


def refusal(path: Path, name: str = "") -> str:
    """The sentence with which a file is refused; it must be one sentence that starts with the file's name."""
    with pytest.raises(DataError) as caught:
        read_table(path, name)
    said = str(caught.value)
    assert said.startswith(repr(name or path.name))
    assert said.endswith(".") and "\n" not in said and len(said) < 320
    assert not re.search(r"[a-z]\. [A-Z]", said)
    assert str(path.parent) not in said
    return said
