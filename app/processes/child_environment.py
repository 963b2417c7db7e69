"""The environment of the processes that the studio starts: what computing needs, without the server's secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

CODE_FOLDER = Path(__file__).resolve().parents[2]
"""The folder with the packages app, lamp and storage. Child processes start in it, so that they find them."""

_KEPT = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|TZ|LANG|LANGUAGE|LC_[A-Z]+|TMPDIR|TEMP|TMP|LD_(LIBRARY_PATH|PRELOAD)|VIRTUAL_ENV|"
    "PYTHON[A-Z]+|XDG_[A-Z_]+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY|"
    "(STUDIO|HF|HUGGINGFACE|HUGGING_FACE|TRANSFORMERS|TOKENIZERS|DATASETS|SAFETENSORS|ACCELERATE|TORCH|TORCHINDUCTOR|PYTORCH|"
    "TRITON|CUDA|CUBLAS|CUDNN|NVIDIA|NCCL|GLOO|HIP|ROCR|ROCM|HSA|OMP|GOMP|KMP|MKL|OPENBLAS|MALLOC|BNB)_[A-Z0-9_]+|"
    "SPACE_ID",
    re.IGNORECASE,
)
_SECRET = re.compile("(^|_)(TOKEN|SECRET|PASSWORD|PASS|KEY|AUTH|CREDENTIALS?)(_|$)", re.IGNORECASE)
"""Matches names of secrets, also where the variable has a prefix that computing needs."""
_FOR_WORKERS_ALONE = frozenset({"STUDIO_WEBHOOK"})
"""Addresses that often hold a secret; app.jobs.local hands them to the processes that use them."""
_FILE_STORE = re.compile("(AWS|FSSPEC|S3|GOOGLE|GCS|AZURE)_[A-Z0-9_]+")
"""Variables from which file systems take their keys."""
_HUB_TOKEN = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN"})


def child_environment(
    added: Mapping[str, str] = {}, *, with_token: bool = False, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Returns the variables for a process of the studio.

    added: further variables; with_token: whether the process asks the Hub, with the server's HF_TOKEN.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if _KEPT.fullmatch(name)
        and name not in _FOR_WORKERS_ALONE
        and (not _SECRET.search(name) or (with_token and name in _HUB_TOKEN))
    }
    return {**kept, **added}


def file_store_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a worker needs to reach the store of files, keys included."""
    return {name: value for name, value in environment.items() if _FILE_STORE.fullmatch(name)}
