"""The pages as an ASGI app, behind the checks of app.web."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from gradio.utils import get_upload_folder
from starlette.routing import Route

from app.access.people import Person
from app.studio import Studio
from app.ui.asking import asked
from app.ui.language import Languages
from app.ui.page_state import describe_components_when_asked
from app.ui.theme import launch_options
from app.ui.translated_layout import readers_page
from app.web.addresses import Addresses
from app.web.answers import App
from app.web.bearer import of_token
from app.web.bodies import BodyLimits
from app.web.compressed import CompressedPages
from app.web.door import PERSON, Door
from app.web.endpoint import PATH, Endpoint
from app.web.gate import Gate
from app.web.health import Health
from app.web.metrics import metrics_text
from app.web.page_sessions import PageSessions
from app.web.sign_in_routes import SignInRoutes
from app.web.uploaded_files import UploadedFiles
from app.web.visitors import Visitors
from lamp.data.tables.checks import MAX_BYTES
from lamp.errors import LampError
from storage.errors import StorageError


def web_app(demo: gr.Blocks, studio: Studio) -> App:
    """What the web server serves."""
    settings = studio.settings
    describe_components_when_asked()
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer.router.routes.append(Route(PATH, Endpoint(studio)))
    if settings.agents:
        _add_agents(outer, studio)
    if not settings.on_space and not settings.demo:
        _add_metrics(outer, studio)
    if settings.sign_in.asks:
        _add_linked_prompts(outer, studio)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "SSR mode", UserWarning)  # said although it is not asked for
        gr.mount_gradio_app(
            outer,
            demo,
            path="/",
            server_name=settings.host,
            server_port=settings.port,
            ssr_mode=False,
            show_error=False,
            enable_monitoring=False,
            allowed_paths=[str(settings.home / "exports")],
            max_file_size=MAX_BYTES,
            auth_dependency=_name if settings.sign_in.asks else None,
            **launch_options(),
        )
    # Downloads are given out where they lie, by the run whose folder that is, and not from copies that are nobody's.
    gr.set_static_paths([settings.home / "exports"])
    served: App = CompressedPages(outer, (path for path, *_ in demo.pages))
    if settings.tells_people_apart:
        uploaded = UploadedFiles()
        routes = Visitors() if settings.demo else SignInRoutes(settings, studio.owner_of_account, readers_page)
        served = Door(
            PageSessions(served, uploaded),
            routes,
            uploaded,
            lambda person, path: studio.as_(person).may_download(path),
            lambda person, size: studio.as_(person).upload_problem(size),
            of_token(studio, routes),
        )
    checked = Gate(BodyLimits(served, Path(get_upload_folder()), settings.low_disk_bytes), Addresses.of(settings))
    return Health(Languages(checked), partial(_problem, studio))


def _add_agents(server: FastAPI, studio: Studio) -> None:
    # Only here: the package that it stands on need not be installed.
    from app.ui.agent_tools import PATH, AgentServer

    agents = AgentServer(asked(studio))
    server.router.lifespan_context = agents.lifespan
    server.router.routes.append(Route(PATH, agents))


def _add_metrics(server: FastAPI, studio: Studio) -> None:
    text = metrics_text(studio.vitals)

    @server.get("/metrics")
    def metrics(request: Request) -> Response:
        if studio.settings.sign_in.asks and not request.scope[PERSON].is_admin:
            return Response("Only an admin of this studio sees its figures.", 403, media_type="text/plain")
        try:
            return Response(text(), media_type="text/plain; version=0.0.4; charset=utf-8")
        except (StorageError, OSError) as error:
            return Response(str(error), status_code=503, media_type="text/plain")


def _add_linked_prompts(server: FastAPI, studio: Studio) -> None:
    @server.get("/shared/{link}.zip")
    def prompt(link: str) -> Response:
        """The prompt of a run that a link shows."""
        try:
            path = studio.linked(link).export()
        except (LampError, StorageError) as error:
            return Response(str(error), 404, media_type="text/plain")
        return FileResponse(path, filename=path.name, headers={"cache-control": "no-store"})


def _name(request: Request) -> str | None:
    """The name of who has signed in, for Gradio; it lets nobody in who has none."""
    person = request.scope.get(PERSON)
    return person.name if isinstance(person, Person) else None


def _problem(studio: Studio) -> str:
    """Why the studio cannot work now; "" when it can."""
    try:
        studio.vitals()
    except (StorageError, OSError) as error:
        return str(error)
    return ""
