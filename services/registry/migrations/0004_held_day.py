"""The business day in one round trip."""

from servicekit.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("services.registry.sql", "registry_4.sql")
