"""Reads table files of the usual formats as tables of text cells; does not need torch."""

from lamp.data.tables.layout import Layout
from lamp.data.tables.read import ENDINGS, KINDS, convert, read_table
from lamp.data.tables.store import open_table
from lamp.data.tables.table import Table

__all__ = ["ENDINGS", "KINDS", "Layout", "Table", "convert", "open_table", "read_table"]
