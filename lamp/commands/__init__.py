"""The commands of `python -m lamp`, a file for each group; `lamp.cli` has the parser."""
