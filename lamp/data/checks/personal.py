"""Warns of rows that seem to contain secrets or personal data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lamp.data.checks.sample import counted
from lamp.data.splits import Example

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # Amazon
    r"|\b(?:gh[pousr]_|github_pat_)\w{22,}"
    r"|\bhf_[A-Za-z0-9]{30,}"
    r"|\bsk-[\w-]{20,}"  # OpenAI and others
    r"|\b[sr]k_live_\w{16,}"  # Stripe
    r"|\bxox[abeprs]-[\w-]{10,}"  # Slack
    r"|\bAIza[\w-]{35}"  # Google
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"  # JSON Web Token
    r"|\b(?i:password|passwd|secret|api[_ -]?key|access[_ -]?token)[\"']?\s*[:=]\s*[\"']?(?=\S*\d)[^\s\"',;]{8,}"
)
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")


def personal_warnings(sample: Sequence[Example], rows: int) -> list[str]:
    """Returns one warning for each kind of secret or personal data; quotes only the first characters of an example.

    sample: some of the `rows` rows.
    """
    kinds: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("a key, token or password", _secret_in),
        ("a card number", _card_in),
        ("an e-mail address", _email_in),
    )
    warnings = []
    for kind, find in kinds:
        matches = [match for example in sample if (match := find(example.text) or find(example.target))]
        if matches:
            warnings.append(
                f"In {counted(len(matches), len(sample), rows)} there is what looks like {kind}, such as "
                f"{matches[0][:4] + '…'!r}: a prompt can give away what it was trained on, so take it out if it is "
                "not public."
            )
    return warnings


def _secret_in(text: str) -> str:
    match = _SECRET.search(text)
    return match[0] if match else ""


def _card_in(text: str) -> str:
    return next((match[0] for match in _CARD.finditer(text) if _has_luhn_checksum(match[0])), "")


def _email_in(text: str) -> str:
    match = _EMAIL.search(text) if "@" in text else None
    return match[0] if match else ""


def _has_luhn_checksum(number: str) -> bool:
    """Returns whether the last digit is the check digit of card numbers (ISO/IEC 7812-1)."""
    digits = [int(character) for character in number if character.isdecimal()]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1
