"""The server holds nothing of the tables that it has read: its memory after ten large uploads is what it was before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.offline import ROOT

UPLOADS = """
import sys
from pathlib import Path
import psutil
from app.settings import Settings
from app.studio import Studio
from lamp.config import TuneConfig
from storage.database import open_database
home = Path(sys.argv[1])
settings = Settings.from_environment({"STUDIO_HOME": str(home), "STUDIO_LOW_DISK_GB": "0"})
studio = Studio(settings, open_database(settings.database_url))
def upload(number):
    file = home / f"{number}.csv"
    rows = (f"a text of the data set {number} in row {row} with some more words,{row % 7}\\n" for row in range(60_000))
    file.write_text("text,label\\n" + "".join(rows))
    reference = studio.add_dataset(file, file.name).reference
    assert studio.plan(TuneConfig("", studio.guess_columns(reference)), reference).preview.row_count == 60_000
    return psutil.Process().memory_info().rss
for number in range(5):  # what is kept of the data sets used last is bounded, and full by now
    before = upload(number)
print(before, *(upload(number) for number in range(5, 15)))
"""


@pytest.mark.slow
def test_ten_large_uploads_leave_the_servers_memory_as_it_was(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UPLOADS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before, *after = map(int, done.stdout.split())
    assert len(after) == 10 and after[-1] - before < 30_000_000, "one of the files has 4 MB, and its rows in Python 20"
