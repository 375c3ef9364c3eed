"""What stands in the pages for people is true: commands, links, settings, metrics, classes of dead letters."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import click
import pytest
import typer
from prometheus_client import Counter, Gauge, Histogram

from kaa.main import app
from servicekit import telemetry
from servicekit.dead_letters import WHAT_TO_DO
from servicekit.settings import Settings
from tests.docs.pages import PAGES, ROOT, code, fenced, table, text

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_KAA = re.compile(r"(?<![\w-])kaa((?: [a-z][a-z-]*)+)(.*)")


def _command(words: list[str]) -> Any:
    """The command that these words lead to; the words behind it are its arguments. Fails when there is none."""
    found = cast(click.Command, typer.main.get_command(app))
    for word in words:
        commands = getattr(found, "commands", None)
        if commands is None:
            break
        assert word in commands, f"kaa {' '.join(words)}: there is no {word}"
        found = commands[word]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_named_exists(name: str) -> None:
    for line in code(text(name)):
        for words, rest in _KAA.findall(line):
            command = _command(words.split())
            options = {option for parameter in command.params for option in parameter.opts}
            said = set(re.findall(r"--[a-z][a-z-]*", rest.partition("|")[0])) - {"--help"}
            assert said <= options, f"kaa{words} has no {said - options}"


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_of_make_named_exists(name: str) -> None:
    verbs = set(re.findall(r"^([a-z]+):.*## ", text("Makefile"), re.MULTILINE))
    said = {verb for line in code(text(name)) for verb in re.findall(r"(?<!\w)make ([a-z]+)", line)}
    assert said <= verbs


@pytest.mark.parametrize("name", NAMES)
def test_every_link_into_the_checkout_leads_somewhere(name: str) -> None:
    page = ROOT / name
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text(name))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_names_every_setting_with_its_default() -> None:
    said = {row[0].strip("`"): row[1].strip("`") for row in table(text("README.md"), "variable")}
    defaults = {
        f"KAA_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    for name in ("KAA_CALENDAR", "KAA_WEB_PLAIN_HTTP"):
        defaults[name] = defaults[name].lower()
    numbers = {name: value.removesuffix(".0") for name, value in defaults.items()}
    assert said == numbers | {"KAA_HOME": ".kaa` in the checkout"}


def test_the_readme_names_every_command() -> None:
    said = {words.strip() for line in code(text("README.md")) for words, _ in _KAA.findall(line)}
    root = cast(Any, typer.main.get_command(app)).commands
    there = {
        f"{name} {sub}".strip()
        for name, command in root.items()
        for sub in (getattr(command, "commands", None) or {"": None})
    }
    assert there - said == set()


def test_operations_name_every_metric() -> None:
    metrics = [one for one in vars(telemetry).values() if isinstance(one, Counter | Gauge | Histogram)]
    names = {
        f"{family.name}{'_total' if family.type == 'counter' else ''}": set(metric._labelnames)
        for metric in metrics
        for family in metric.describe()
    }
    rows = table(text("docs/operations.md"), "metric")
    assert {row[0].strip("`"): set(filter(None, row[1].split(", "))) for row in rows} == names


@pytest.mark.parametrize(
    ("name", "heading"), [("docs/operations.md", "class (`kind`)"), ("docs/for-school-systems.md", "class")]
)
def test_every_class_of_dead_letters_is_explained(name: str, heading: str) -> None:
    assert [row[0].strip("`") for row in table(text(name), heading)] == list(WHAT_TO_DO)


def _shown() -> list[tuple[str, str]]:
    """The commands of the vendor's page that are shown with what they print, and that need no broker."""
    found = []
    for block in fenced(text("docs/for-school-systems.md"), ""):
        command, _, output = block.partition("\n")
        if output and not output.startswith("$") and "PORT" not in command:
            found.append((command.removeprefix("$ "), output))
    return found


@pytest.mark.parametrize(("command", "output"), _shown())
def test_what_the_vendors_page_shows_is_what_is_printed(command: str, output: str) -> None:
    here = Path(sys.executable).parent
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(".venv/bin/", f"{here}/")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == output
    assert done.stderr == ""


def test_the_vendors_page_shows_four_commands_with_their_output() -> None:
    assert len(_shown()) == 4
