"""Where promtool comes from: the environment, PATH, else Debian's package, unpacked once and not installed."""

import os
from pathlib import Path

import pytest

from localstack import promtool
from localstack.errors import StackError


class Machine:
    """A machine whose apt-get and dpkg only note how they are called; the package holds a promtool."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = folder / "calls"
        self.programs = folder / "programs"
        self.kept = folder / "kept"
        self.programs.mkdir()
        for name in ("sh", "mkdir"):
            (self.programs / name).symlink_to(f"/bin/{name}")
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.delenv("KAA_PROMTOOL", raising=False)
        monkeypatch.setattr(promtool, "_FOLDER", self.kept)
        self.program("apt-get", 'case "$1" in download) : > prometheus_2.0_all.deb;; esac')
        self.program("dpkg", 'mkdir -p "$3/usr/bin"; : > "$3/usr/bin/promtool"; : > "$3/usr/bin/prometheus"')

    def program(self, name: str, script: str) -> Path:
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "{name} $1" >> {self.calls}\n{script}\n')
        path.chmod(0o755)
        return path

    def called(self) -> list[str]:
        """What was called since the last time this was asked."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_it_is_unpacked_once_and_nothing_else_is_kept(machine: Machine) -> None:
    assert promtool.find() == machine.kept / "promtool"
    assert machine.called() == ["apt-get download", "dpkg -x"]
    assert {path.name for path in machine.kept.iterdir()} == {"promtool", "lock"}
    assert promtool.find() == machine.kept / "promtool"
    assert machine.called() == []


def test_one_that_is_there_is_taken(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = machine.program("promtool", "")
    assert promtool.find() == on_path
    own = machine.program("own", "")
    monkeypatch.setenv("KAA_PROMTOOL", str(own))
    assert promtool.find() == own
    assert machine.called() == []


def test_root_asks_for_the_lists_of_packages_where_there_are_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image of Debian comes without them."""
    lists = machine.kept.parent / "lists"
    machine.program(
        "apt-get",
        f'case "$1" in update) : > {lists};; download) test -e {lists} && : > prometheus_2.0_all.deb;; esac',
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StackError, match="apt-get could not download prometheus"):
        promtool.find()
    assert machine.called() == ["apt-get download"]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert promtool.find() == machine.kept / "promtool"
    assert machine.called() == ["apt-get download", "apt-get update", "apt-get download", "dpkg -x"]


@pytest.mark.parametrize(
    ("broken", "script", "words"),
    [
        ("apt-get", None, "no promtool found, and no apt-get to get it with"),
        ("dpkg", None, "no promtool found, and no dpkg to get it with"),
        ("apt-get", "exit 100", "apt-get could not download prometheus"),
        ("dpkg", "exit 2", "prometheus_2.0_all.deb holds no promtool"),
    ],
)
def test_what_is_missing_is_said_in_one_line_with_what_to_install(
    machine: Machine, broken: str, script: str | None, words: str
) -> None:
    if script is None:
        (machine.programs / broken).unlink()
    else:
        machine.program(broken, script)
    with pytest.raises(StackError, match=words) as refused:
        promtool.find()
    assert len(str(refused.value).splitlines()) == 1
    assert "KAA_PROMTOOL" in str(refused.value)
    assert not (machine.kept / "promtool").exists()


@pytest.mark.usefixtures("machine")
def test_a_program_named_that_is_none_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAA_PROMTOOL", str(tmp_path))
    with pytest.raises(StackError, match="which is no program"):
        promtool.find()
