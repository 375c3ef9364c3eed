"""The rules know nothing of the edges: only the standard library, the contracts and each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = (
    "statement",
    "settlement",
    "identity",
    "residence",
    "enrolments",
    "facts",
    "reasons",
    "coverage",
    "criteria",
    "explanation",
    "evaluation",
)
ALLOWED = {f"services.registry.{name}" for name in RULES}


def imported(module: str) -> set[str]:
    tree = ast.parse((ROOT / "services" / "registry" / f"{module}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("module", RULES)
def test_a_module_of_the_rules_imports_no_edge(module: str) -> None:
    strangers = {
        name
        for name in imported(module)
        if name.split(".")[0] not in sys.stdlib_module_names | {"contracts"} and name not in ALLOWED
    }
    assert strangers == set()


def test_nothing_they_need_brings_a_broker_a_database_or_a_clock_along() -> None:
    asked = (
        "import services.registry.evaluation, services.registry.explanation, sys; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    edges = {
        "aiokafka",
        "faststream",
        "asyncpg",
        "sqlalchemy",
        "alembic",
        "starlette",
        "structlog",
        "servicekit",
    }
    assert loaded & edges == set()


@pytest.mark.parametrize("module", RULES)
def test_no_rule_asks_what_day_it_is_or_throws_dice(module: str) -> None:
    source = (ROOT / "services" / "registry" / f"{module}.py").read_text(encoding="utf-8")
    called = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert called & {"now", "today", "utcnow", "random", "uuid4", "urandom"} == set()
    assert imported(module) & {"random", "time", "uuid", "os", "secrets"} == set()
