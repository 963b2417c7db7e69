"""Reads CSV, TSV, JSON, JSON Lines and Parquet files as tables of text cells; does not need torch."""

from lamp.data.tables.checks import Table
from lamp.data.tables.read import read_table

__all__ = ["Table", "read_table"]
