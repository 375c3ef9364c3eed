"""Migrations: SQL files, one statement after another, run by Alembic; ``{app}`` stands for the application role."""

import re
from importlib.resources import files

from alembic import context, op


def run_sql(package: str, name: str) -> None:
    """Runs an SQL file of a package; statements end with ``;`` and a blank line. For migrations only."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    for statement in re.split(r";\s*\n\s*\n", text + "\n\n"):
        if statement.strip():
            op.execute(statement.replace("{app}", context.config.attributes["app_role"]).replace(":", r"\:"))
