"""The part of Studio that puts prompts on the Hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app import limits
from app.hub.accounts import accounts_of
from app.hub.card import BADGE, CURVE, checked_card, hub_card
from app.hub.licences import licence_of
from app.hub.pictures import badge_png, curve_png
from app.hub.publishing import Existing, OnStage, Published, publish
from app.hub.space import ADAPTER, check_space, folders, space_files
from app.run import Run
from app.studio_parts.prompts import MOST_BESIDE, StudioPrompts, check_not_deleted
from app.views import score_text
from app.views.imported import origin
from lamp.config import MADE_FROM
from lamp.errors import BackboneError, DataError
from lamp.hub.cached import cached_folder
from lamp.hub.folders import is_folder

_MOST_ON_A_PAGE = 20


class StudioPublishing(StudioPrompts):
    """Tokens are used for one call and kept nowhere."""

    def hub_accounts(self, token: str) -> list[str]:
        """The account of a token that may write, then its organisations. Raises HubError."""
        return accounts_of(token)

    def licence(self, id: str) -> str:
        """The Hub's name for the licence of the backbone of a run; "" where it is not known."""
        return self._licence(Run.of(self._store.get(id))).get("license", "")

    def card(self, id: str, licence: str | None = None) -> str:
        """The model card that a run's prompt would be published with, as Markdown.

        licence: as the Hub names it, "" for none, None for that of the backbone. Raises NotStored, WrongState.
        """
        run = Run.of(self._store.get(id))
        check_not_deleted(run.job)
        known = self._licence(run)
        if licence is not None and licence != known.get("license"):
            named = limits.name("The licence", licence).strip().lower()
            known = {"license": named} if named else {}
        folder = self._artifacts.path(run.job.id)
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
        return hub_card(
            text, run, _made_from(folder), known, curve=self._curve(run) is not None, badge=_has_recipe(run)
        )

    def publish(
        self,
        id: str,
        repository: str,
        token: str,
        private: bool = True,
        on_progress: OnStage = lambda _: None,
        *,
        card: str | None = None,
        existing: Existing = "refuse",
    ) -> Published:
        """Puts the run's exported prompt on the Hub, and reads it back.

        card: as it was edited, None for that of `card`; existing: what is done with a repository that holds files.
        Raises HubError, RepositoryExists.
        """
        run = Run.of(self._store.get(id))
        check_not_deleted(run.job)
        on_progress("Writing the model card")
        instead = {"README.md": (self.card(id) if card is None else checked_card(card)).encode()}
        if (picture := self._curve(run)) is not None:
            instead[CURVE] = picture
        if _has_recipe(run):
            instead[BADGE] = badge_png("Tune this again")
        folder = self._artifacts.path(run.job.id)
        return publish(folder, repository, token, private, on_progress, instead=instead, existing=existing)

    def publish_space(
        self,
        id: str,
        repository: str,
        token: str,
        private: bool = True,
        on_progress: OnStage = lambda _: None,
        *,
        existing: Existing = "refuse",
        all_of_model: bool = False,
    ) -> Published:
        """Puts a page on the Hub that answers with the run's prompt, and reads it back. Raises HubError.

        existing: what is done with a Space of this name that holds files; all_of_model: whether the page answers with
        this person's other prompts on the same backbone too, the newest _MOST_ON_A_PAGE.
        """
        run = Run.of(self._store.get(id))
        check_not_deleted(run.job)
        check_space(run.config.backbone)
        on_progress("Writing the page")
        ids = [id, *(self._others_on_a_page(run) if all_of_model else ())]
        with TemporaryDirectory() as place:
            for one, folder in zip(ids, folders(len(ids)), strict=True):
                self._copy_adapter(one, Path(place) / folder)
            files = space_files([self.prompt_use(one, "") for one in ids], self._licence(run))
            how: dict[str, Any] = {"instead": files, "existing": existing, "kind": "space"}
            return publish(Path(place), repository, token, private, on_progress, **how)

    def _others_on_a_page(self, run: Run) -> list[str]:
        """The person's other prompts on a run's backbone, newest first; an admin's page has the same person's alone."""
        return [
            job.id
            for job in self._store.list(MOST_BESIDE)
            if job.artifact and job.backbone == run.job.backbone and job.owner == run.job.owner and job.id != run.job.id
        ][: _MOST_ON_A_PAGE - 1]

    def _copy_adapter(self, id: str, folder: Path) -> None:
        folder.mkdir()
        try:
            shutil.copyfile(self._artifacts.path(id) / ADAPTER, folder / ADAPTER)
        except OSError as error:
            name = self._store.get(id).name
            raise DataError(f"The {ADAPTER} of the prompt of {name!r} cannot be read: {error.strerror}.") from error

    def _licence(self, run: Run) -> Mapping[str, str]:
        try:
            source = self._backbones.source(run.config.backbone)
        except BackboneError:
            return {}
        return licence_of(run.config.backbone, Path(source) if is_folder(source) else cached_folder(source))

    def _curve(self, run: Run) -> bytes | None:
        """The training curve as PNG; None where there is none."""
        loss = self._store.curve(run.job.id, "loss")
        if len(loss) < 2:
            return None
        metrics = self._store.latest_metrics(run.job.id)
        measured = (name.removeprefix("validation/") for name in metrics if name.startswith("validation/"))
        metric = score_text.main_metric(measured) or "loss"
        score = self._store.curve(run.job.id, f"validation/{metric}")
        return curve_png(loss, score, score_text.metric_label(metric).lower())


def _has_recipe(run: Run) -> bool:
    """Whether its recipe is known, so that it can be tuned again."""
    return not run.imported or bool(origin(run).get("recipe"))


def _made_from(folder: Path) -> Mapping[str, Any]:
    """What the recipe of an exported prompt says of its origins."""
    try:
        values = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    made_from = values.get(MADE_FROM) if isinstance(values, dict) else None
    return made_from if isinstance(made_from, dict) else {}
