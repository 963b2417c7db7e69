"""The environment of the processes that the studio starts: what computing needs, and none of the server's secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_KEPT = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|TZ|LANG|LANGUAGE|LC_[A-Z]+|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH|VIRTUAL_ENV|"
    "PYTHON[A-Z]+|XDG_[A-Z_]+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY|"
    "(STUDIO|HF|HUGGINGFACE|HUGGING_FACE|TRANSFORMERS|TOKENIZERS|DATASETS|SAFETENSORS|ACCELERATE|TORCH|TORCHINDUCTOR|PYTORCH|"
    "TRITON|CUDA|CUBLAS|CUDNN|NVIDIA|NCCL|GLOO|OMP|GOMP|KMP|MKL|OPENBLAS|BNB)_[A-Z0-9_]+|SPACE_ID",
    re.IGNORECASE,
)
_SECRETS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"})


def child_environment(
    added: Mapping[str, str] = {}, *, with_token: bool = False, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables for a process of the studio.

    added: what it gets besides; with_token: whether it asks the Hub, with the server's HF_TOKEN.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if _KEPT.fullmatch(name) and (with_token or name not in _SECRETS)
    }
    return {**kept, **added}
