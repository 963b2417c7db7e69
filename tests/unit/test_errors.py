"""The package's errors, and the first line of any error."""

from __future__ import annotations

import pytest

from lamp.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one line"), "one line"),
        (OSError("\n first line \nand more"), "first line"),
        (RuntimeError(), "RuntimeError"),
        (KeyboardInterrupt("\n"), "KeyboardInterrupt"),
    ],
)
def test_the_first_line_of_an_error_is_its_message_or_else_its_class(error: BaseException, line: str) -> None:
    assert first_line(error) == line
