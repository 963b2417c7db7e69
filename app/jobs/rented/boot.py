"""The first program on a rented machine, passed to `python -c`: it can use only the standard library.

Its arguments: the repository, the revision of what was sent, the seconds between two reports. It downloads the studio's
code, installs its requirements, and becomes app.jobs.rented.node.
"""

import io
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile


def main(arguments: list[str]) -> None:
    """Starts app.jobs.rented.node in place of this program; does not return."""
    repository, revision = arguments[:2]
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    request = urllib.request.Request(f"{hub}/datasets/{repository}/resolve/{revision}/in/code.zip")  # noqa: S310
    # A header that is not sent on to the storage which the Hub refers to.
    request.add_unredirected_header("Authorization", "Bearer " + os.environ["HF_TOKEN"])
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        code = zipfile.ZipFile(io.BytesIO(answer.read()))
    folder = tempfile.mkdtemp(prefix="lamp-")
    code.extractall(folder)
    os.chdir(folder)
    print("Installing what the studio needs ...", flush=True)
    install = ["install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([sys.executable, "-m", "pip", *install, "-r", "requirements.txt"], check=True)
    os.execv(sys.executable, [sys.executable, "-m", "app.jobs.rented.node", *arguments])  # noqa: S606  # no shell


if __name__ == "__main__":
    main(sys.argv[1:])
