"""The HTTP API for scripts: named endpoints for the way from a data set to an exported prompt."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.events import api

from app import limits
from app.hub.fetching import HubPart
from app.hub.publishing import Existing
from app.studio import Studio
from app.studio_parts.imports import PromptSource
from app.ui.guard import guarded_endpoint
from app.views import run_json
from app.views.comparison import MOST_RUNS
from app.views.plan_json import plan_as_dict
from app.views.results_json import comparison_as_dict, results_as_dict
from lamp.baselines.ways import WAYS
from lamp.config import TuneConfig
from lamp.data.tables import KINDS
from lamp.errors import ConfigError, DataError
from lamp.export.imported import ImportDetails
from lamp.sampling import Sampling


class Endpoints:
    """The functions of the endpoints. Arguments and results are JSON values, except for files."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def submit(self, recipe: dict[str, Any], dataset: str, name: str = "", gpus: int = 1) -> str:
        """Starts a run: recipe as JSON (absent fields take their defaults), data set reference, optional name → run id.

        Without columns in the recipe the target is guessed, as the page does. gpus: how many it trains on at once.
        """
        return self._studio.submit(self._config(recipe, dataset), dataset, name, gpus=gpus)

    def run(self, id: str) -> dict[str, Any]:
        """One run: state, step, steps, latest metrics, error, scores."""
        return run_json.run_as_dict(self._studio.job(id), self._studio.latest_metrics(id))

    def runs(self, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Runs, newest first, at most 1,000 at a time."""
        limits.whole("limit", limit, 1, 1_000)
        return [run_json.run_as_dict(job) for job in self._studio.jobs(limit, offset)]

    def quote(self, recipe: dict[str, Any], dataset: str, gpus: int = 1, measure: bool = False) -> dict[str, Any]:
        """What a recipe would read, train and take, with every reason why it cannot be started; starts nothing.

        recipe, dataset, gpus: as of /submit. measure: whether real steps are made on this machine to tell time and
        memory, which takes a minute or more, and only a model that is here already.
        """
        config = self._config(recipe, dataset)
        if measure:
            self._studio.measure(config, dataset, gpus)
        return plan_as_dict(self._studio.plan(config, dataset, gpus))

    def resume(self, id: str) -> dict[str, Any]:
        """Queues a stopped, interrupted or failed run again; it goes on from its last checkpoint."""
        return run_json.run_as_dict(self._studio.resume(id))

    def extend(self, id: str, steps: int) -> str:
        """Starts a run that goes on where a finished one ended, up to `steps` in all → its id."""
        limits.whole("steps", steps, 1, 1_000_000_000)
        return self._studio.extend(id, steps)

    def delete(self, id: str) -> dict[str, Any]:
        """Deletes a run that is not running; /restore brings it back within a day."""
        return run_json.run_as_dict(self._studio.delete(id))

    def restore(self, id: str) -> dict[str, Any]:
        """Brings a deleted run back."""
        return run_json.run_as_dict(self._studio.restore(id))

    def results(self, id: str) -> dict[str, Any] | None:
        """What the run's prompt answered to every row that was tested: score, interval, answers; null without any."""
        results = self._studio.results(id)
        return results_as_dict(results) if results else None

    def compare(self, ids: list[str]) -> dict[str, Any]:
        """Up to six runs side by side, and whether the best one's lead is more than chance."""
        if not isinstance(ids, list) or not 2 <= len(ids) <= MOST_RUNS:
            raise DataError(f"Give the ids of 2 to {MOST_RUNS} runs to compare.")
        return comparison_as_dict(*self._studio.compare(ids))

    def publish(
        self, id: str, repository: str, token: str, private: bool = True, existing: str = "refuse", card: str = ""
    ) -> str:
        """Puts a run's prompt into a repository of the Hub ("name/prompt") → its address.

        token: of an account that may write there; used for this call and kept nowhere. existing: what is done with a
        repository that holds files: refuse, update or pull request. card: the model card, "" for that of /card.
        """
        how = cast(Existing, existing)
        return self._studio.publish(id, repository, token, private, card=card or None, existing=how).url

    def publish_space(
        self,
        id: str,
        repository: str,
        token: str,
        private: bool = True,
        existing: str = "refuse",
        all_of_model: bool = False,
    ) -> str:
        """Puts a page that answers with a run's prompt into a Space of the Hub → its address.

        all_of_model: whether the page answers with your other prompts on the same model too. The other arguments are
        those of /publish.
        """
        how: dict[str, Any] = {"existing": cast(Existing, existing), "all_of_model": bool(all_of_model)}
        return self._studio.publish_space(id, repository, token, private, **how).url

    def card(self, id: str, licence: str | None = None) -> str:
        """The model card that a run's prompt would be published with. licence: by default that of its backbone."""
        return self._studio.card(id, licence)

    def import_prompt(
        self,
        file: str | None,
        id: str = "",
        revision: str = "main",
        backbone: str = "",
        template: str = "",
        labels: list[str] | None = None,
        name: str = "",
        token: str = "",
    ) -> str:
        """Takes in a prompt that was made elsewhere, a zip or one of the Hub; returns its id among the runs.

        backbone, template, labels: what its files do not say; token: of an account that may read it, kept nowhere.
        """
        path = Path(file) if file else None
        source = PromptSource(path, path.name if path else "", str(id or ""), str(revision or ""), str(token or ""))
        given = ImportDetails(backbone or "", template or "", tuple(labels) if isinstance(labels, list) else ())
        return self._studio.import_prompt(source, given, name or "")

    def score_prompt(self, id: str, dataset: str, target: str = "") -> dict[str, float]:
        """Has an imported prompt answer rows of a data set → its scores, beside those of the model alone.

        target: the column of the right answers, by default the one that its recipe names.
        """
        return self._studio.score_imported(id, dataset, target)

    def stop(self, id: str) -> dict[str, Any]:
        """Asks a run to end; its best prompt so far is kept."""
        return run_json.run_as_dict(self._studio.stop(id))

    def try_texts(self, id: str, texts: list[Any], sampling: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Answers each input (a text, or an object with a value for each input column), tuned and untrained.

        sampling: how free text is written: temperature, top_p, seed, longest_answer; without it the likeliest text.
        """
        if not isinstance(texts, list) or not texts:
            raise DataError('Give a list of inputs to answer, such as ["a first text", "a second"].')
        return [
            {
                "text": answer.text,
                "tuned": answer.tuned,
                "untrained": answer.untrained,
                "tuned_probabilities": answer.tuned_probabilities,
                "untrained_probabilities": answer.untrained_probabilities,
                "cut_to": answer.cut_to,
            }
            for answer in self._studio.try_prompt(id, texts, sampling=Sampling.from_dict(sampling or {}))
        ]

    def compare_ways(self, id: str, ways: list[str] | None = None, instruction: str = "") -> str:
        """Begins to compare a run's prompt with other ways, all of them by default; the comparison's id, as /run takes.

        ways: of instruction, examples, plain, long_plain, lora; instruction: for the first, "" for a proposed one.
        """
        return self._studio.compare_ways(id, list(WAYS) if ways is None else ways, instruction)

    def ways(self, id: str) -> dict[str, Any]:
        """How a run's prompt stands beside the other ways that were tried, and what that means."""
        worth = self._studio.worth(id)
        if worth is None:
            raise DataError(f"The run {id} has no prompt, or its answers to tested rows were not kept.")
        return run_json.worth_as_dict(worth)

    def export(self, id: str) -> str:
        """The zip of a run's prompt."""
        return str(self._studio.export(id))

    def begin_export(self, id: str, format: str) -> dict[str, Any]:
        """Begins to make a model with a run's prompt in it: merged, gguf, ollama or embeddings → as /export_state."""
        self._studio.begin_export(id, format)
        return self.export_state(id, format)

    def export_state(self, id: str, format: str) -> dict[str, Any]:
        """How far such an export is: part of the work, share of it; then sentence (how answers compare) or problem."""
        state = self._studio.export_state(id, format)
        if state is None:
            raise DataError(f"The run {id} was not exported as {format}: begin with /begin_export.")
        return {**asdict(state), "file": state.file.name if state.file else None}

    def exported(self, id: str, format: str) -> str:
        """The zip of such an export."""
        state = self._studio.export_state(id, format)
        if state is None or state.file is None:
            raise DataError(f"The run {id} has no export as {format} yet: /export_state says how far it is.")
        return str(state.file)

    def upload(self, file: str | None) -> str:
        """Keeps a table; returns the reference that /submit takes."""
        if not file:
            raise DataError(f"Give a file: {KINDS}.")
        return self._studio.add_dataset(Path(file), Path(file).name).reference

    def fetch(self, id: str, subset: str = "", split: str = "", revision: str = "main", all_rows: bool = False) -> str:
        """Fetches a data set of the Hub, its training split unless another is named; returns the reference.

        all_rows: instead of the first 100,000.
        """
        return self._studio.fetch_dataset(HubPart(id, subset, split, revision, all_rows))[0].reference

    def _config(self, recipe: Any, dataset: str) -> TuneConfig:
        """The recipe, with a first choice of columns for the data set where it names none."""
        config = TuneConfig.from_dict(_parsed(recipe))
        if config.data.input_columns or config.data.target_column:
            return config
        guess = self._studio.guess_columns(dataset, config.backbone)
        data = replace(config.data, input_columns=guess.input_columns, target_column=guess.target_column)
        if not data.template and data.input_format == "plain":
            data = replace(data, template=guess.template, input_format=guess.input_format)
        return replace(config, data=data)


def add_endpoints(studio: Studio) -> None:
    """Adds the endpoints to the current Blocks."""
    endpoints = Endpoints(studio)
    for fn, name in (
        (endpoints.submit, "submit"),
        (endpoints.run, "run"),
        (endpoints.runs, "runs"),
        (endpoints.stop, "stop"),
        (endpoints.resume, "resume"),
        (endpoints.extend, "extend"),
        (endpoints.delete, "delete"),
        (endpoints.restore, "restore"),
        (endpoints.results, "results"),
        (endpoints.compare, "compare"),
        (endpoints.compare_ways, "compare_ways"),
        (endpoints.ways, "ways"),
        (endpoints.begin_export, "begin_export"),
        (endpoints.export_state, "export_state"),
    ):
        api(guarded_endpoint(fn), api_name=name, concurrency_limit=None)
    api(guarded_endpoint(endpoints.quote), api_name="quote")
    api(guarded_endpoint(endpoints.publish), api_name="publish")
    api(guarded_endpoint(endpoints.publish_space), api_name="publish_space")
    api(guarded_endpoint(endpoints.card), api_name="card")
    api(guarded_endpoint(endpoints.try_texts), api_name="try")
    api(guarded_endpoint(endpoints.score_prompt), api_name="score_prompt")
    api(guarded_endpoint(endpoints.fetch), api_name="fetch_dataset", concurrency_limit=4)
    # Files need File components: only these check that the caller uploaded the file that a path names.
    file, run = gr.File(visible=False, label="file"), gr.Textbox(visible=False, label="id")
    reference, archive = gr.Textbox(visible=False, label="reference"), gr.File(visible=False, label="zip")
    gr.Button(visible=False).click(guarded_endpoint(endpoints.upload), file, reference, api_name="upload_dataset")
    gr.Button(visible=False).click(guarded_endpoint(endpoints.export), run, archive, api_name="export")
    texts = [gr.Textbox(visible=False, label=name) for name in ("id", "revision", "backbone", "template")]
    labels, named = gr.JSON(visible=False, label="labels"), gr.Textbox(visible=False, label="name")
    token = gr.Textbox(visible=False, label="token", type="password")
    gr.Button(visible=False).click(
        guarded_endpoint(endpoints.import_prompt),
        [file, *texts, labels, named, token],
        run,
        api_name="import_prompt",
        concurrency_limit=2,
    )
    format = gr.Textbox(visible=False, label="format")
    gr.Button(visible=False).click(guarded_endpoint(endpoints.exported), [run, format], archive, api_name="exported")


def _parsed(recipe: Any) -> Any:
    """The recipe; parsed if a script sent it as JSON text. Raises ConfigError."""
    if not isinstance(recipe, str):
        return recipe
    try:
        return json.loads(recipe)
    except ValueError as error:
        raise ConfigError([f"The recipe must be a JSON object; it cannot be read: {error}."]) from error
    except RecursionError:
        raise ConfigError(["The recipe must be a JSON object; it cannot be read: it is nested too deeply."]) from None
