"""What the studio says of a recipe before anything is started."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import lamp.backbone.reading
from app.answering.answer import Request
from app.answering.predictor import Predictor
from app.machine.devices import smallest_device
from app.machine.rented import RentedMachine
from app.planning.measuring import MeasuringError
from app.prompts.bundle import zip_artifact
from app.studio import Studio
from app.ui.runs.answers import answer_html
from app.ui.tune import summary
from app.views.plan import Estimate
from lamp.config import TrainConfig, TuneConfig
from lamp.errors import ConfigError, DataError, OutOfMemory
from lamp.export.saved_prompt import save_prompt
from storage.database import open_database
from storage.jobs import JobState, JobStore
from tests.packed import save_declared
from tests.unit.training import recipe, run


@pytest.fixture
def config(studio: Studio, tiny_llama: Path) -> TuneConfig:
    return TuneConfig(str(tiny_llama), studio.guess_columns(studio.datasets()[0].reference))


def estimate(studio: Studio, config: TuneConfig, gpus: int = 1) -> Estimate:
    """What the recipe will train with the first data set."""
    plan = studio.plan(config, studio.datasets()[0].reference, gpus)
    assert plan.estimate is not None, plan.problems
    return plan.estimate


def test_a_memory_too_short_to_try_a_prompt_frees_the_backbone_and_the_next_try_loads_it_again(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tiny_llama, steps=1)
    result, _ = run(config, tiny_table, tmp_path / "run")
    (tmp_path / "prompt").mkdir()
    save_prompt(result, config, tmp_path / "prompt")
    predictor = Predictor()
    request = Request(str(tmp_path / "prompt"), str(tiny_llama), ({"text": "good film"},))

    def no_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(lamp.backbone.reading, "continue_logits", no_memory)
        with pytest.raises(OutOfMemory):
            predictor.answers(request)
    said: list[str] = []
    assert predictor.answers(request, said.append)[0].tuned
    assert "Loading the model" in said


def test_a_recipe_with_more_tokens_than_the_backbone_has_positions_is_one_problem_before_the_start(
    studio: Studio, config: TuneConfig
) -> None:
    long = replace(config, data=replace(config.data, max_input_tokens=512 - 20 - 64 + 1))
    problems = studio.plan(long, studio.datasets()[0].reference, 1).problems
    assert problems == (
        "The backbone has 512 positions, too few for 20 virtual tokens and the longest target (64 tokens) with the "
        "longest input (429 tokens): set the longest input to 428 tokens or less.",
    )


def test_an_input_that_is_too_long_is_answered_and_said_to_be_cut(
    tiny_llama: Path, tiny_table: Path, tmp_path: Path
) -> None:
    config = recipe(tiny_llama, steps=1)
    config = replace(config, data=replace(config.data, max_input_tokens=12))
    result, _ = run(config, tiny_table, tmp_path / "run")
    (tmp_path / "prompt").mkdir()
    save_prompt(result, config, tmp_path / "prompt")
    inputs = ({"text": "good film"}, {"text": "good film " * 40})
    short, long = Predictor().answers(Request(str(tmp_path / "prompt"), str(tiny_llama), inputs))
    assert (short.cut_to, long.cut_to) == (None, 12)
    assert short.text == "text: good film\nlabel:"
    assert len(long.text) < 60 and long.text.startswith("text: good film good") and long.text.endswith("label:")
    assert "only 12 tokens of it were read" in answer_html(long) and "too long" not in answer_html(short)


def test_an_empty_input_is_refused_before_anything_is_loaded(studio: Studio, config: TuneConfig) -> None:
    store = JobStore(open_database(studio.settings.database_url))
    job = store.add("a run", config.to_dict(), studio.datasets()[0].reference, "tickets", 50)
    stages: list[str] = []
    with pytest.raises(DataError, match=r"^Write an input first: there is nothing to answer\.$"):
        studio.try_prompt(job.id, [{column: " " for column in config.data.input_columns}], stages.append)
    assert stages == []


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("tickets on SmolLM2-135M", "tickets-on-SmolLM2-135M.zip"),
        ("../../etc/passwd", "etc-passwd.zip"),
        ("Süße Grüße: 1.2", "Süße-Grüße-1.2.zip"),
        ("...", "prompt.zip"),
        ("字" * 120, "字" * 60 + ".zip"),
    ],
)
def test_a_download_is_named_after_its_run(tmp_path: Path, name: str, file: str) -> None:
    (tmp_path / "b0d150c419.1").mkdir()
    (tmp_path / "b0d150c419.1" / "README.md").write_text("a prompt")
    target = zip_artifact(tmp_path / "b0d150c419.1", tmp_path / "exports", name)
    assert (target.name, target.parent) == (file, tmp_path / "exports" / "b0d150c419.1") and target.is_file()


@pytest.mark.parametrize("gpus", [0, 3, 1.5, "two", True, None])
def test_a_number_of_gpus_that_cannot_be_had_is_one_sentence(
    studio: Studio, config: TuneConfig, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    dataset = studio.datasets()[0].reference
    with pytest.raises(ConfigError, match=f"^The number of GPUs must be between 1 and 2 here, not {gpus!r}.$"):
        studio.submit(config, dataset, gpus=gpus)
    assert not studio.jobs()
    assert studio.job(studio.submit(config, dataset, gpus=2)).gpus == 2
    shared = Studio(replace(studio.settings, slots=3), open_database(studio.settings.database_url))
    assert (studio.most_gpus, shared.most_gpus) == (2, 1), "a run cannot have a GPU twice"
    whole, half = (estimate(studio, config, gpus).epochs for gpus in (2, 1))
    assert whole == 2 * half


def test_on_a_cluster_a_recipe_is_held_against_its_machines_and_not_against_this_one(
    studio: Studio, config: TuneConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.machine.devices._main_memory", lambda: 1)
    dataset = studio.datasets()[0].reference
    quantized = replace(config, train=replace(config.train, quantization="8bit"))
    want_a_gpu, too_large = "Weights in 8 or 4 bits want a CUDA GPU", "Too large for this machine"

    def problems(cluster_gpus: int | None, config: TuneConfig) -> str:
        settings = replace(studio.settings, cluster_gpus=cluster_gpus)
        return " ".join(Studio(settings, open_database(settings.database_url)).plan(config, dataset, 1).problems)

    smallest_device.cache_clear()
    assert too_large in problems(None, config) and want_a_gpu in problems(None, quantized)
    assert too_large not in problems(4, config) and want_a_gpu not in problems(4, quantized)
    assert want_a_gpu in problems(0, quantized)
    smallest_device.cache_clear()
    settings = replace(studio.settings, cluster_gpus=4)
    cluster = Studio(settings, open_database(settings.database_url))
    assert cluster.most_gpus == 4
    with pytest.raises(MeasuringError, match="cannot be measured from this one"):
        cluster.measure(config, dataset, 1, lambda phase: None)


def test_the_price_of_a_rented_machine_is_told_before_a_run_and_a_folder_is_no_backbone_for_it(
    studio: Studio, config: TuneConfig, tiny_llama: Path
) -> None:
    machine = RentedMachine("t4-small", "Nvidia T4 - small", 1, 0.01)
    settings = replace(studio.settings, cluster_gpus=1, rented=machine)
    renting = Studio(settings, open_database(settings.database_url))
    dataset = studio.datasets()[0].reference
    in_folder = renting.plan(config, dataset, 1)
    assert [key for sentence, key in in_folder.fields.items() if "is a folder of this machine" in sentence] == [
        "backbone"
    ]
    copy = settings.home / "backbones" / "acme--tiny"
    shutil.copytree(tiny_llama, copy)
    plan = renting.plan(replace(config, backbone="acme/tiny"), dataset, 1)
    assert plan.problems == () and plan.estimate is not None and not plan.estimate.quote.measurable
    told = "It runs on Nvidia T4 - small (t4-small), rented on the Hub at $0.60 an hour."
    assert plan.estimate.quote.elsewhere == told
    assert told in summary.quote(plan) and "Measure finds out" not in summary.quote(plan)
    assert machine.price(600).endswith(
        "an hour: about $0.10 for this time, and the minutes in which the machine gets ready."
    )


def test_how_long_a_run_will_take_is_told_by_the_last_one_on_its_backbone(
    studio: Studio, config: TuneConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    dataset = studio.datasets()[0].reference
    assert estimate(studio, config).quote.seconds is None
    store = JobStore(open_database(studio.settings.database_url))
    for backbone, speed in ((config.backbone, 8.0), ("another", 1000.0)):
        run = store.add("a run", replace(config, backbone=backbone).to_dict(), dataset, "tickets", 50, gpus=2)
        store.claim("here", [0, 1])
        store.heartbeat(
            run.id,
            3,
            "Training",
            [(step, "rows_per_second", speed) for step in (1, 2, 3)] + [(0, "scoring_seconds", 7.0)],
        )
        store.finish(run.id, JobState.DONE)
        store.release(run.id)
    train = TrainConfig(steps=100, batch_size=8, accumulation=2, learning_rate=0.04, evaluate_every=50)
    long = replace(config, train=train)
    assert estimate(studio, long).quote.seconds == 100 * 16 / 4 + 3 * 7  # two scorings, and the untrained backbone's
    assert estimate(studio, long, gpus=2).quote.seconds == 100 * 16 / 4 + 3 * 7, "twice the rows at twice the speed"


def test_weights_that_are_stored_in_few_bits_are_refused_where_there_is_no_gpu(
    studio: Studio, config: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    dataset = studio.datasets()[0].reference
    packed = save_declared(tmp_path / "packed", {"quant_method": "bitsandbytes", "load_in_4bit": True})
    with pytest.raises(ConfigError, match="are stored in 4 bits, which want a CUDA GPU, and this machine has none"):
        studio.submit(replace(config, backbone=str(packed)), dataset)
    unpacked = save_declared(tmp_path / "fp8", {"quant_method": "fp8"})
    assert studio.plan(replace(config, backbone=str(unpacked)), dataset).problems == ()


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_weights_of_few_bits_are_refused_where_there_is_no_gpu_and_taken_where_there_is_one(
    studio: Studio, config: TuneConfig, bits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = studio.datasets()[0].reference
    small = replace(config, train=TrainConfig(quantization=bits))  # type: ignore[arg-type]  # one of its two values
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert studio.plan(config, dataset).problems == ()
    with pytest.raises(ConfigError, match="want a CUDA GPU, and this machine has none"):
        studio.submit(small, dataset)
    assert studio.jobs() == []
    with_gpu = Studio(studio.settings, open_database(studio.settings.database_url))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert with_gpu.plan(small, dataset).problems == ()
