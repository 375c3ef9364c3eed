"""`make setup`: installs what is missing, once, and says what the machine lacks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localstack.places import CHECKOUT


class Checkout:
    """A copy of the checkout with a Java, a Maven and a `.venv` that only note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(
            CHECKOUT / "localstack", folder / "localstack", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(CHECKOUT / "deploy" / "local", folder / "deploy" / "local")
        for name in ("pyproject.toml", "requirements.lock"):
            shutil.copy(CHECKOUT / name, folder / name)
        self.calls = folder / "calls"
        self.programs = folder / "programs"
        self.program(self.programs / "java", "echo 'openjdk version \"17.0.1\"' >&2")
        self.program(
            self.programs / "mvn",
            f'echo maven >> {self.calls}; for a; do case $a in -DoutputDirectory=*) mkdir -p "${{a#*=}}";'
            ' : > "${a#*=}/kafka_2.13-4.3.1.jar";; esac; done',
        )
        self.program(folder / ".venv" / "bin" / "python", f'echo "$@" >> {self.calls}')
        (folder / ".venv" / "bin" / "activate").write_text(f"VIRTUAL_ENV={folder / '.venv'}\n")

    def program(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def setup(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "localstack.install"],
            cwd=self.folder,
            env={"PATH": f"{self.programs}{os.pathsep}{self.folder / 'tools'}"},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """What was called since the last time this was asked."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mkdir", "sh"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    return Checkout(tmp_path)


def test_a_second_setup_calls_nobody(checkout: Checkout) -> None:
    first = checkout.setup()
    assert first.returncode == 0, first.stderr
    maven, packages, project = checkout.called()
    assert maven == "maven"
    assert "--require-hashes" in packages
    assert "--no-deps --no-build-isolation --editable" in project

    second = checkout.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert checkout.called() == []


def test_a_changed_lock_file_is_installed_again_and_a_changed_pom_resolved_again(checkout: Checkout) -> None:
    checkout.setup()
    checkout.called()

    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("# one more\n")
    checkout.setup()
    assert [call.split()[:2] for call in checkout.called()] == [["-m", "pip"], ["-m", "pip"]]

    with (checkout.folder / "deploy" / "local" / "kafka" / "pom.xml").open("a") as pom:
        pom.write("<!-- one more -->\n")
    checkout.setup()
    assert checkout.called() == ["maven"]


@pytest.mark.parametrize(
    ("broken", "script", "advice"),
    [
        ("java", None, "install a Java runtime of version 17 or later"),
        ("java", "echo 'openjdk version \"11.0.2\"' >&2", "is version 11, and Apache Kafka 4 needs 17"),
        ("mvn", None, "install Maven"),
        ("mvn", "exit 1", "Maven could not resolve the jars"),
    ],
)
def test_what_the_machine_lacks_is_said_in_one_line_with_what_to_do(
    checkout: Checkout, broken: str, script: str | None, advice: str
) -> None:
    if script is None:
        (checkout.programs / broken).unlink()
    else:
        checkout.program(checkout.programs / broken, script)
    refused = checkout.setup()
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert advice in refused.stderr
    assert not (checkout.folder / ".kaa" / "kafka" / "lib").exists()


def test_packages_that_could_not_be_installed_are_not_taken_for_installed(checkout: Checkout) -> None:
    working = (checkout.folder / ".venv" / "bin" / "python").read_text()
    checkout.program(checkout.folder / ".venv" / "bin" / "python", "exit 1")
    assert checkout.setup().returncode == 2
    checkout.called()

    (checkout.folder / ".venv" / "bin" / "python").write_text(working)
    assert checkout.setup().returncode == 0
    assert len(checkout.called()) == 2
