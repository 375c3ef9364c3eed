"""Whom time alone will change, in a table of its own."""

from servicekit.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("services.registry.sql", "registry_3.sql")
