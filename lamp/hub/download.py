"""Downloads a backbone into huggingface_hub's cache, which all runs share; continues interrupted downloads.

`python -m lamp.hub.download HUB_ID` writes JSON lines: {"done": bytes, "total": bytes} while it downloads, and at the
end {"folder": path} or {"error": sentence}.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from lamp.errors import BackboneError
from lamp.hub.architecture import TOKENIZER_FILES, WEIGHTS, WEIGHTS_INDEX, check_files
from lamp.hub.refusals import refusal
from lamp.hub.timeouts import HUB_TIMEOUT
from lamp.process import prepare_process

OnBytes = Callable[[int, int], None]
"""Called with the bytes downloaded so far, and the total."""
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors", re.ASCII)
_OTHER_FILES = {
    "config.json",
    "generation_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    WEIGHTS_INDEX,
}
_REPORT_SECONDS = 0.3


def needed_files(names: Iterable[str]) -> set[str]:
    """Returns the repository files that a backbone is loaded from: config, tokenizer, chat template, safetensors."""
    names = set(names)
    weights = {WEIGHTS} & names or {name for name in names if _SHARD.fullmatch(name)}
    return weights | (names & (TOKENIZER_FILES | _OTHER_FILES))


def download(reference: str, on_bytes: OnBytes = lambda done, total: None) -> Path:
    """Downloads the missing files of the backbone with this Hub id; returns its folder in the cache.

    Weight files continue at the byte where they were interrupted. Raises BackboneError in one sentence.
    """
    import httpx2
    from huggingface_hub import HfApi, snapshot_download

    try:
        model = HfApi().model_info(reference, files_metadata=True, timeout=HUB_TIMEOUT)
        sizes = {file.rfilename: file.size or 0 for file in model.siblings or ()}
        check_files(reference, sizes)
        files = needed_files(sizes)
        weights = sorted(name for name in files if name.endswith(".safetensors"))
        progress = _Progress(sum(sizes[name] for name in files), on_bytes)
        small = [name for name in files if name not in weights]
        snapshot_download(reference, allow_patterns=small, etag_timeout=HUB_TIMEOUT)
        progress.add(sum(sizes[name] for name in small))
        for name in weights:
            _download_weights(reference, str(model.sha), name, progress)
        # Links the weights, which it finds in the cache, into the folder of this revision.
        folder = snapshot_download(reference, allow_patterns=sorted(files), etag_timeout=HUB_TIMEOUT)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
        # RuntimeError: see lamp.hub.catalog
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackboneError(
                f"The disk is full, so {reference!r} is not whole: free some space and download it again; it goes on "
                "where it ended."
            ) from error
        raise BackboneError(refusal("backbone", reference, error, "choose one that is on this machine")) from error
    progress.report()
    return Path(folder)


class _Progress:
    """Counts bytes and reports them a few times a second."""

    def __init__(self, total: int, on_bytes: OnBytes) -> None:
        self._done, self._total, self._on_bytes = 0, total, on_bytes
        self._reported = 0.0

    def add(self, count: int) -> None:
        """Adds to the bytes; a negative count for bytes that have to be downloaded again."""
        self._done += count
        if time.monotonic() - self._reported > _REPORT_SECONDS:
            self.report()

    def report(self) -> None:
        """Reports the current number of bytes."""
        self._reported = time.monotonic()
        self._on_bytes(self._done, self._total)


def _download_weights(reference: str, revision: str, name: str, progress: _Progress) -> None:
    """Downloads one file of weights into the cache.

    huggingface_hub itself starts an interrupted file anew, and a model often is a single file of gigabytes. So a
    partial file is kept in the cache, named after the SHA-256 of the complete file, as the cache names complete ones.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]  # lacks __all__

    url, headers = hf_hub_url(reference, name, revision=revision), build_hf_headers()
    metadata = get_hf_file_metadata(url, timeout=HUB_TIMEOUT, headers=headers)
    size, digest = metadata.size or 0, metadata.etag or ""
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        return  # left to snapshot_download
    folder = repo_folder_name(repo_id=reference, repo_type="model")
    blob = Path(constants.HF_HUB_CACHE) / folder / "blobs" / digest
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / folder / f"{digest}.lock"
    for parent in (blob.parent, lock.parent):
        parent.mkdir(parents=True, exist_ok=True)
    if urlparse(metadata.location).netloc != urlparse(url).netloc:
        headers.pop("authorization", None)  # the token is for the Hub alone
    part = blob.with_name(f"{digest}.part")
    with WeakFileLock(lock):  # the one that huggingface_hub takes for this file
        if blob.exists():
            return progress.add(size)
        with part.open("ab") as file:
            if file.tell() > size:
                file.truncate(0)
            progress.add(file.tell())
            bar: Any = _bar_class(progress)
            http_get(
                metadata.location,
                file,
                resume_size=file.tell(),
                headers=headers,
                expected_size=size,
                tqdm_class=bar,
            )
        with part.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                part.unlink()
                raise BackboneError(f"{name} of {reference!r} arrived with errors and was thrown away: try again.")
        part.rename(blob)


def _bar_class(progress: _Progress) -> type:
    """Returns a class that http_get accepts as its progress bar."""

    class Bar:
        def __init__(self, **_: object) -> None: ...

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None: ...

        def update(self, count: int) -> None:
            progress.add(count)

    return Bar


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0 if the backbone is complete in the cache, 1 if not, 2 for wrong arguments."""
    prepare_process()
    if len(arguments) != 1:
        print("Usage: python -m lamp.hub.download HUB_ID", file=sys.stderr)
        return 2

    from huggingface_hub import constants

    constants.DOWNLOAD_CHUNK_SIZE = 2**20  # instead of 10 MiB: slow lines lose and wait for less

    def write(**values: object) -> None:
        print(json.dumps(values), flush=True)

    try:
        folder = download(arguments[0], lambda done, total: write(done=done, total=total))
    except BrokenPipeError:  # whoever started it has ended
        return 1
    except BackboneError as error:
        write(error=str(error))
        return 1
    write(folder=str(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
