"""Tables of text cells out of CSV, TSV, JSON, JSON Lines and Parquet files; no tensors here."""

from lamp.data.tables.checks import Table
from lamp.data.tables.read import read_table

__all__ = ["Table", "read_table"]
