"""The columns of a recipe: the inputs, the template that makes a text of them, and the target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lamp.config import DataConfig
from lamp.data.conversation import readable

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A doubled brace, which stands for a literal one, or a {column} placeholder."""


def default_template(config: DataConfig) -> str:
    """Returns a template with one "column: value" line for each input column, then the target column's name and a
    colon."""
    lines = [f"{column}: {{{column}}}" for column in config.input_columns]
    return "\n".join([*lines, f"{config.target_column}:"])


@dataclass(frozen=True)
class Template:
    """A recipe's template, parsed: {column} placeholders are replaced, doubled braces stand for single ones."""

    pairs: tuple[tuple[str, str], ...]
    """(literal text, column whose cell follows it), in order"""
    suffix: str
    """The literal text at the end, the same in every row"""
    keeps_turns: bool = False
    """Whether a conversation in a cell stays one for the chat template, because the template has nothing else."""

    @classmethod
    def of(cls, config: DataConfig) -> Template:
        """Parses the template of a recipe, or the default one."""
        template = config.template or default_template(config)
        pairs, literal, end = [], "", 0
        for match in _FIELD.finditer(template):
            literal += template[end : match.start()]
            end = match.end()
            if match[1] is None:
                literal += match[0][0]
            else:
                pairs.append((literal, match[1]))
                literal = ""
        suffix = literal + template[end:]
        turns = config.input_format == "chat" and not suffix and [literal for literal, _ in pairs] == [""]
        return cls(tuple(pairs), suffix, turns)

    def render(self, row: Mapping[str, str]) -> str:
        """Returns the input text of a row; braces inside a cell stay as they are."""
        cells = [(literal, row[column].strip()) for literal, column in self.pairs]
        return (
            "".join([literal + (cell if self.keeps_turns else readable(cell)) for literal, cell in cells]) + self.suffix
        )

    def has_input(self, row: Mapping[str, str]) -> bool:
        """Returns whether a row has a filled cell in an input column."""
        return any(row[column].strip() for _, column in self.pairs)


def render(config: DataConfig, row: Mapping[str, str]) -> tuple[str, str]:
    """Returns the input text of one row, and its end that is the same in every row (the template suffix)."""
    template = Template.of(config)
    return template.render(row), template.suffix


def check_columns(config: DataConfig, columns: Sequence[str]) -> list[str]:
    """Returns one sentence for each problem of the recipe, and for each column or placeholder that the table does not
    have."""
    problems = config.problems()
    available = ", ".join(repr(column) for column in columns)
    for column in dict.fromkeys([*config.input_columns, config.target_column]):
        if column and column not in columns:
            problems.append(f"The data set has no column {column!r}; it has {available}.")
    if config.template:
        used = [column for _, column in Template.of(config).pairs]
        for name in used:
            if name not in config.input_columns:
                problems.append(
                    f"The template names {{{name}}}, which is not an input column: choose that column, or double both "
                    "braces if they belong to the text."
                )
        if not used:
            problems.append("The template names no input column: write one in braces, such as {text}.")
    return problems
