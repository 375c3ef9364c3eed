"""`python -m kaa` is `kaa`."""

from kaa.main import app

app()
