"""Where the tests' browser comes from: the environment, installed, Debian's package, else Playwright's own."""

import os
import sys
from pathlib import Path

import pytest

from localstack import browser
from localstack.errors import StackError


class Machine:
    """A machine without a browser, whose apt-get and Playwright only note how they are called and fetch nothing."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = folder / "calls"
        self.programs = folder / "programs"
        self.kept = folder / "kept"
        self.programs.mkdir()
        for name in ("sh", "mkdir", "cp", "chmod"):
            (self.programs / name).symlink_to(f"/bin/{name}")
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.delenv("KAA_BROWSER", raising=False)
        monkeypatch.setattr(browser, "_FOLDER", self.kept)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        self.works = self.program("works", note=False)
        self.program("apt-get", "exit 100")
        monkeypatch.setattr(sys, "executable", str(self.program("python", "exit 1")))

    def program(self, name: str, script: str = "", *, note: bool = True) -> Path:
        path = self.programs / name
        noting = f'echo "{name} $*" >> {self.calls}\n' if note else ""
        path.write_text(f"#!/bin/sh\n{noting}{script}\n")
        path.chmod(0o755)
        return path

    def called(self) -> list[str]:
        """What was called since the last time this was asked."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


_PACKAGE = "apt-get install --yes --no-install-recommends chromium"
_OWN = "python -m playwright install chromium"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
def test_one_that_is_installed_is_taken(machine: Machine, name: str) -> None:
    there = machine.program(name)
    assert browser.find() == there
    assert machine.called() == [f"{name} --version"]


def test_the_one_of_the_environment_comes_before_all(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program("chromium")
    monkeypatch.setenv("KAA_BROWSER", str(machine.works))
    assert browser.find() == machine.works
    assert machine.called() == []


def test_one_that_does_not_start_is_passed_over(machine: Machine) -> None:
    machine.program("chromium", "exit 127")
    other = machine.program("google-chrome")
    assert browser.find() == other


def test_root_installs_the_package_of_debian(machine: Machine) -> None:
    installed = machine.programs / "chromium"
    machine.program("apt-get", f"cp {machine.works} {installed}")
    assert browser.find() == installed
    assert machine.called() == [_PACKAGE]
    assert browser.find() == installed
    assert machine.called() == []


def test_root_asks_for_the_lists_of_packages_where_there_are_none(machine: Machine) -> None:
    lists, installed = machine.kept.parent / "lists", machine.programs / "chromium"
    machine.program(
        "apt-get",
        f'case "$1" in update) : > {lists};; *) test -e {lists} && cp {machine.works} {installed};; esac',
    )
    assert browser.find() == installed
    assert machine.called() == [_PACKAGE, "apt-get update", _PACKAGE]


@pytest.mark.parametrize("why", ["not root", "no apt-get", "package without a browser"])
def test_where_no_package_helps_playwrights_own_is_fetched_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "not root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    elif why == "no apt-get":
        (machine.programs / "apt-get").unlink()
    else:
        machine.program("apt-get", "exit 0")
    own = machine.kept / "chromium-1234" / "chrome-linux64" / "chrome"
    machine.program(
        "python",
        f'mkdir -p "$PLAYWRIGHT_BROWSERS_PATH/chromium-1234/chrome-linux64"; cp {machine.works} {own}',
    )
    assert browser.find() == own
    assert machine.called()[-1] == _OWN
    assert browser.find() == own
    assert machine.called() == []


def test_when_none_can_be_had_one_line_says_what_to_install(machine: Machine) -> None:
    with pytest.raises(StackError, match="no browser found, and none could be fetched") as refused:
        browser.find()
    assert machine.called() == [_PACKAGE, "apt-get update", _PACKAGE, _OWN]
    assert len(str(refused.value).splitlines()) == 1
    assert "KAA_BROWSER" in str(refused.value)
    assert "apt-get install chromium" in str(refused.value)


@pytest.mark.usefixtures("machine")
def test_a_program_named_that_is_no_browser_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAA_BROWSER", str(tmp_path))
    with pytest.raises(StackError, match="does not run as a browser"):
        browser.find()
