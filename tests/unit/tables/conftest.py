"""Fixtures that write table files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.tables.files import Pack, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def pack(columns: dict[str, object] | pa.Table, **options: object) -> Path:
        path = tmp_path / "packed.parquet"
        parquet.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
        return path

    return pack
