"""Who may import whom, and which modules are the domain: the rooms keep apart as README.md says."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT, table, text

#: The modules of each service that are not its domain: SQL, wiring, what runs.
EDGES = {
    "registry": {"app", "log", "persons", "reading", "register", "retention", "scheduler"},
    "notifications": {"app", "consumer", "proof", "store"},
    "outreach": {
        "app",
        "cases",
        "consumer",
        "contacts",
        "figures",
        "idempotency",
        "listing",
        "measures",
        "notices",
        "persons",
        "queue",
        "routing",
        "store",
        "timers",
        "ways",
        "web",
        "workers",
    },
    "reporting": {"app", "consumer", "store", "submission"},
}


def _rules() -> dict[str, Any]:
    project = tomllib.loads(text("pyproject.toml"))
    return {rule["id"]: rule for rule in project["tool"]["importlinter"]["contracts"]}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_keeps_to_the_rooms() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_leaves_its_room_is_found(tmp_path: Path) -> None:
    rooms = ("contracts", "servicekit", "webkit", "services", "simulator", "localstack", "kaa")
    for room in (*rooms, "pyproject.toml"):
        (tmp_path / room).symlink_to(ROOT / room)
    (tmp_path / "simulator").unlink()
    (tmp_path / "simulator").mkdir()
    (tmp_path / "simulator" / "__init__.py").write_text("from services.registry import coverage\n")
    done = _lint(tmp_path)
    assert done.returncode == 1
    assert "simulator -> services.registry.coverage" in done.stdout


def test_every_module_of_a_service_is_of_the_domain_or_an_edge() -> None:
    domain = set(_rules()["domain"]["source_modules"])
    edges = {f"services.{service}.{module}" for service, modules in EDGES.items() for module in modules}
    there = {
        f"services.{path.parent.name}.{path.stem}"
        for path in (ROOT / "services").glob("*/*.py")
        if path.stem != "__init__"
    }
    assert domain & edges == set()
    assert there - domain - edges == set(), "say in pyproject.toml or here which they are"
    assert (domain | edges) - there == set()


def test_the_readme_has_every_room() -> None:
    named = {row[0].split("/")[0].strip("`") for row in table(text("README.md"), "room")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} <= named
    assert set(_rules()) == {
        "contracts", "servicekit", "webkit", "services", "independence", "simulator", "localstack", "domain"
    }  # fmt: skip
