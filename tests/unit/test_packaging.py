"""What `pip install .` installs: the wheel, and the requirements that it shares with a checkout and a Space."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "lamp", "storage")


def requirements(file: str) -> list[str]:
    """The lines of a requirements file, and of those that it refers to."""
    lines = []
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        lines += requirements(line.removeprefix("-r ")) if line.startswith("-r ") else [line]
    return lines


def extras() -> dict[str, list[str]]:
    """What each optional part of the package asks for."""
    project: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["optional-dependencies"]


def normalized(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports(folder: Path) -> dict[str, set[str]]:
    """Top-level modules that the files under a folder import anywhere, each with those files."""
    importers: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
            for name in names:
                importers.setdefault(name.partition(".")[0], set()).add(str(file.relative_to(ROOT)))
    return importers


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, unpacked; built from a copy, so that the build leaves nothing in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("app.py", "pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / file, source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    unpacked = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(next((source / "dist").glob("*.whl")), unpacked, "zip")
    return unpacked


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Distribution:
    return Distribution.at(next(wheel.glob("*.dist-info")))


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        *((package, "requirements.txt") for package in PACKAGES),
        *((folder, "requirements-dev.txt") for folder in ("benchmarks", "docs", "tests")),
    ],
)
def test_every_package_that_is_imported_is_required(folder: str, file: str) -> None:
    optional = [line for lines in extras().values() for line in lines] if folder in PACKAGES else []
    required = {normalized(re.split(r"[\[=]", line)[0]) for line in (*requirements(file), *optional)}
    own = {path.stem for path in (*ROOT.iterdir(), *(ROOT / "benchmarks").iterdir())}
    distributions = packages_distributions()
    undeclared = {
        name: importers
        for name, importers in imports(ROOT / folder).items()
        if name not in sys.stdlib_module_names | own
        and required.isdisjoint(normalized(distribution) for distribution in distributions.get(name, [name]))
    }
    assert undeclared == {}


def test_the_package_requires_exactly_what_a_space_installs(metadata: Distribution) -> None:
    always = [line for line in metadata.requires or [] if "extra ==" not in line]
    assert sorted(always) == sorted(requirements("requirements.txt"))


def test_what_the_optional_parts_ask_for_is_installed_for_the_tests_in_the_same_versions() -> None:
    asked = {line for lines in extras().values() for line in lines}
    assert asked <= {*requirements("requirements-dev.txt")}


def test_the_wheel_carries_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    expected = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    installed = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    assert {path for path in installed if ".dist-info" not in path} == expected


def test_its_programs_are_the_studio_and_the_command_line(metadata: Distribution) -> None:
    from app.main import main as studio
    from lamp.cli import main as command_line

    programs = {program.name: program.load() for program in metadata.entry_points if program.group == "console_scripts"}
    assert programs == {"lamp-studio": studio, "lamp": command_line}


def front_matter() -> dict[str, object]:
    """The settings of the Space at the top of the README."""
    settings: dict[str, object] = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---")[1])
    return settings


def test_a_space_gets_the_gradio_and_the_python_that_are_tested() -> None:
    settings = front_matter()
    assert f"gradio=={settings['sdk_version']}" in requirements("requirements.txt")
    assert settings["python_version"] == "3.11" and (ROOT / str(settings["app_file"])).is_file()
    assert len(str(settings["short_description"])) <= 60  # the Hub refuses longer ones


def test_the_container_gets_every_file_that_it_copies() -> None:
    copied = [
        name
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ")
        for name in line.split()[1:-1]
    ]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    assert set(copied) == set(let_in) and set(PACKAGES) <= set(copied)
    assert all((ROOT / name).exists() for name in copied)


def test_the_compose_file_names_a_studio_and_its_database() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    studio = compose["services"]["studio"]
    assert studio["ports"] == ["127.0.0.1:7860:7860"]  # it asks nobody for a password
    assert "postgresql+psycopg://" in studio["environment"]["DATABASE_URL"]
    mounted = {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert mounted == set(compose["volumes"])
