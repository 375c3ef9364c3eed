"""How a broker and a database are found: environment, Docker, this machine; or what to install."""

from pathlib import Path

import pytest

from localstack.errors import StackError
from localstack.postgres import forget_postgres, start_postgres
from localstack.ways import Part, choose, describe, find


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No addresses in the environment, no Docker engine."""
    for name in ("KAA_KAFKA", "KAA_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def docker_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `docker` whose engine answers."""
    program = folder / "docker"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_without_anything_else_both_are_had_on_this_machine() -> None:
    assert choose("kafka") == "local"
    assert choose("postgres") == "local"


def test_a_docker_engine_comes_before_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_engine(tmp_path, monkeypatch)
    started: list[Part] = []

    def container(part: Part) -> tuple[str, type[None]]:
        started.append(part)
        return "127.0.0.1:9092", type(None)

    found = find("kafka", tmp_path, in_docker=container)

    assert (found.way, found.address, started) == ("docker", "127.0.0.1:9092", ["kafka"])


def test_an_address_in_the_environment_comes_first_and_is_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_engine(tmp_path, monkeypatch)
    server = start_postgres(tmp_path / "elsewhere")
    try:
        monkeypatch.setenv("KAA_POSTGRES", server.address)
        found = find("postgres", tmp_path)
        found.stop()
        assert (found.way, found.address) == ("environment", server.address)
        assert server.alive()
    finally:
        forget_postgres(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("part", "variable", "address"),
    [
        ("kafka", "KAA_KAFKA", "127.0.0.1:1"),
        ("postgres", "KAA_POSTGRES", "postgresql://kaa_admin:secret-word@127.0.0.1:1/postgres"),
    ],
)
def test_an_address_in_the_environment_that_does_not_answer_is_an_error_that_names_the_variable(
    part: Part, variable: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(StackError, match=f"nothing answers at the address in {variable}") as refused:
        find(part, tmp_path)
    assert "secret-word" not in str(refused.value)


def test_what_ran_before_is_found_and_not_stopped_and_what_was_started_is(tmp_path: Path) -> None:
    try:
        first = find("postgres", tmp_path)
        second = find("postgres", tmp_path)
        second.stop()
        assert second.address == first.address
        assert start_postgres(tmp_path / "postgres").address == first.address
        first.stop()
        assert find("postgres", tmp_path).address == first.address, (
            "the address changed from one start to the next"
        )
    finally:
        forget_postgres(tmp_path / "postgres")


def test_with_no_way_at_all_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(
        StackError, match=r"KAA_KAFKA is not set, no Docker engine answers, .* install a Java runtime"
    ):
        choose("kafka")


def test_the_line_for_people_names_the_version_and_the_way_and_no_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAA_POSTGRES", "postgresql://kaa_admin:secret-word@127.0.0.1:1/postgres")
    assert describe("kafka", choose("kafka")).startswith(
        "Apache Kafka 4.3.1: on this machine, without Docker"
    )
    assert describe("postgres", choose("postgres")) == "PostgreSQL: the one that KAA_POSTGRES names"
