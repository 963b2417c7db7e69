"""The environment of the answering process: what its libraries need, and no token, password or database address."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HANDED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP|VIRTUAL_ENV|NO_PROXY|HTTPS?_PROXY|REQUESTS_CA_BUNDLE"
    r"|(LC|LD|SSL|XDG|PYTHON|CUDA|NVIDIA|NCCL|HIP|ROCR?|OMP|GOMP|KMP|MKL|OPENBLAS|MALLOC|TORCH|PYTORCH|TRITON|HF"
    r"|TRANSFORMERS|TOKENIZERS|ACCELERATE|BNB)_?[A-Z0-9_]*",
    re.IGNORECASE,
)
_SECRET = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASS|KEY|AUTH|CREDENTIALS?)(_|$)", re.IGNORECASE)


def answering_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environment` that are handed on."""
    return {
        name: value for name, value in environment.items() if _HANDED_ON.fullmatch(name) and not _SECRET.search(name)
    }
