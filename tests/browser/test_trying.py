"""A prompt is tried on one input and on a whole file, without the server ever loading a model."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from lamp.export.saved_prompt import save_prompt
from lamp.inference.answers import RowAnswer, write_answers
from storage.artifacts import ArtifactStore
from storage.home import Home
from storage.jobs import Job, JobState
from tests.browser import pages
from tests.browser.studio import RunningStudio
from tests.unit import training

ROWS = 150
SLOW_CLOSING = """
    const quick = window.fetch
    window.fetch = async (resource, options) => {
        const response = await quick(resource, options)
        if (!(resource.url ?? resource).includes("/queue/data")) return response
        const late = new TransformStream({
            async transform(chunk, controller) {
                if (new TextDecoder().decode(chunk).includes("close_stream")) {
                    window.closings = (window.closings ?? 0) + 1
                    await new Promise((done) => setTimeout(done, 1500))
                }
                controller.enqueue(chunk)
            },
        })
        return new Response(response.body.pipeThrough(late), response)
    }
"""
"""The page hears 1.5 s late that the server has closed the stream of its answers."""


@pytest.fixture(scope="module")
def trained(studio: RunningStudio, tiny_llama: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """An ended run with a prompt."""
    config = training.recipe(tiny_llama, steps=1)
    result, _ = training.run(config, tiny_table, tmp_path_factory.mktemp("trained") / "run")
    store = studio.store
    job = store.add("films", config.to_dict(), "sample:support-tickets.csv", "support-tickets.csv", 1, gpus=99)
    claimed = store.claim("another-machine", range(200))
    assert claimed is not None and claimed.id == job.id
    with ArtifactStore(Home(studio.home).artifacts).stage(job.id) as staged:
        save_prompt(result, config, staged)
    assert store.finish(
        job.id, JobState.DONE, scores={"accuracy": 0.5, "untrained_accuracy": 0.5}, artifact=job.id, step=1
    )
    store.release(job.id)
    return store.get(job.id)


def children(studio: RunningStudio) -> list[psutil.Process]:
    """The processes that answer."""
    server = psutil.Process(studio.process.pid)
    alive = [child for child in server.children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "app.answering.child" in child.cmdline()]


def test_an_input_and_a_file_are_answered_apart_from_the_server(
    page: Page, studio: RunningStudio, trained: Job, tmp_path: Path
) -> None:
    for child in children(studio):  # another test may have left the model loaded
        child.kill()
    pages.open_run(page, trained.id, "Try")
    expect(page.locator("#loading")).to_contain_text("Loading the model")
    expect(page.locator("#loading")).to_have_text("", timeout=60_000)
    page.locator("#fill").click()
    expect(page.locator("#origin")).to_contain_text(
        re.compile(r"row 1 of \d+ of support-tickets.csv, (not )?learned from")
    )
    pages.type_in(page, "row-number", "2")
    page.locator("#fill").click()
    expect(page.locator("#origin")).to_contain_text("row 2 of")
    pages.type_in(page, "try-0", "the film was good")
    page.locator("#answer").click()
    expect(page.locator("#answers .ls-label")).to_have_count(2)

    (child,) = children(studio)
    child.kill()
    pages.type_in(page, "try-0", "the film was bad")
    page.locator("#answer").click()
    expect(page.locator("#answers .ls-label")).to_have_count(2, timeout=60_000)
    assert [process.pid for process in children(studio)] != [child.pid]
    assert "libtorch" not in Path(f"/proc/{studio.process.pid}/maps").read_text()

    file = tmp_path / "more films.csv"
    lines = [f"{number},{'the film was good' if number % 50 else ''}" for number in range(ROWS)]
    file.write_text("\n".join(["=number,text", *lines]))
    datasets = len(list((studio.home / "uploads").iterdir()))
    page.locator("#many-start").click()
    expect(page.locator("#many-said")).to_contain_text("Give a file, or paste a list")
    expect(page.locator("#many-progress")).to_have_text("")
    page.locator("#many-file input[type=file]").set_input_files(str(file))
    expect(page.locator("#many-file")).to_contain_text("more films")
    page.locator("#many-start").click()
    expect(page.locator("#many-progress")).to_contain_text(re.compile(r"Answer|Loading|Reading"))
    expect(page.locator("#many-said")).to_have_text("")
    page.reload()
    page.locator("#run-tabs").get_by_role("tab", name="Try").click()
    expect(page.locator("#many-progress")).to_contain_text(f"{ROWS} rows answered.", timeout=60_000)
    expect(page.locator("#many-progress")).to_contain_text("3 rows without an input have an empty answer.")
    with page.expect_download() as download:
        page.locator("#many-csv").click()
    assert download.value.suggested_filename == "films-answers.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == ROWS and list(rows[0]) == ["'=number", "text", "answer", "confidence"]
    assert {row["answer"] for row in rows if row["text"]} <= {"positive", "negative"}
    assert len(list((studio.home / "uploads").iterdir())) == datasets


def test_what_a_page_asks_while_the_stream_of_its_answers_is_being_closed_is_answered(page: Page, trained: Job) -> None:
    page.add_init_script(SLOW_CLOSING)
    pages.open_run(page, trained.id, "Try")
    expect(page.locator("#fill")).to_be_visible()
    assert page.evaluate("window.closings") > 0


def test_other_runs_answer_the_same_input_beside_the_first(page: Page, studio: RunningStudio, trained: Job) -> None:
    store = studio.store
    other = store.add("more films", trained.config, trained.dataset, trained.dataset_name, 1, gpus=99)
    assert store.claim("another-machine", range(200)) is not None
    artifacts = ArtifactStore(Home(studio.home).artifacts)
    with artifacts.stage(other.id) as staged:
        shutil.copytree(artifacts.path(trained.id), staged, dirs_exist_ok=True)
    assert store.finish(other.id, JobState.DONE, artifact=other.id, step=1)
    store.release(other.id)
    pages.open_run(page, trained.id, "Try")
    page.locator("#beside input").click()
    page.get_by_role("option", name="more films").click()
    pages.type_in(page, "try-0", "the film was good")
    page.locator("#answer").click()
    beside = page.locator("#answers .ls-beside-title")
    expect(beside).to_be_visible(timeout=60_000)
    expect(page.locator("#answers")).to_contain_text("more films")
    expect(page.locator("#answers")).to_contain_text("% sure")
    rows = [
        RowAnswer(row, "a text", label, label, 1.0, 0.9, label, 1.0)
        for row, label in enumerate(("positive", "negative"))
    ]
    Home(studio.home).answers(trained.id).parent.mkdir(exist_ok=True)
    write_answers(rows, Home(studio.home).answers(trained.id))
    pages.open_run(page, trained.id, "Inspect")
    expect(page.locator("#mix-other input")).to_have_value("more films")
    page.locator("#mix-score").click()
    lines = page.locator("#mix-scores tbody tr")
    expect(lines).to_have_count(3, timeout=60_000)
    expect(lines.last).to_contain_text("Blend, 50 % and 50 %")
    expect(page.locator("#mix-scores")).to_contain_text("On the 2 rows that this run's score is of")
    assert len(set(score.inner_text() for score in lines.locator("td").all())) == 1, "both prompts are the same"


def test_a_model_with_the_prompt_in_it_is_made_beside_the_page_and_downloaded(page: Page, trained: Job) -> None:
    pages.open_run(page, trained.id, "Use it")
    expect(page.locator("#format-about")).to_contain_text("for llama.cpp, LM Studio and Jan")
    page.locator("#format").get_by_label("llama.cpp, LM Studio, Jan").check()
    page.locator("#make-format").click()
    expect(page.locator("#format-progress")).to_contain_text("Exported.", timeout=120_000)
    with page.expect_download() as download:
        page.locator("#download-format").click()
    assert download.value.suggested_filename == "films-gguf.zip"
    page.locator("#format").get_by_label("The vectors alone").check()
    expect(page.locator("#format-progress")).to_have_text("")
