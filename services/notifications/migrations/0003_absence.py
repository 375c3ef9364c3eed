"""Absence: totals of months, and notices that are closed."""

from servicekit.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("services.notifications.sql", "notifications_2.sql")
