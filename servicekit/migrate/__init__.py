"""Migrations: SQL files, one statement after another, run by Alembic.

``{app}`` stands for the application role, ``{staff}`` for that of people at work. A table with forced row-level
security hides its rows from its owner too. So that a migration cannot pass them over in silence, a statement that
would do so fails: around it a migration lifts the force (``ALTER TABLE … NO FORCE ROW LEVEL SECURITY``) and sets it
again.
"""

import re
from importlib.resources import files

from alembic import context, op


def run_sql(package: str, name: str) -> None:
    """Runs an SQL file of a package; statements end with ``;`` and a blank line. For migrations only."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    attributes = context.config.attributes
    for role in ("app", "staff"):
        if (placeholder := f"{{{role}}}") in text:
            text = text.replace(placeholder, attributes[f"{role}_role"])
    for statement in re.split(r";\s*\n\s*\n", text + "\n\n"):
        if statement.strip():
            op.execute(statement.replace(":", r"\:"))
