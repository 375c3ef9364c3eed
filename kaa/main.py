"""`kaa`: where the groups of commands meet."""

import typer

from kaa import local, registry

app = typer.Typer(
    name="kaa",
    help="Messaging hub between schools and municipalities for kommunernas aktivitetsansvar.",
    no_args_is_help=True,
)
app.add_typer(registry.app, name="registry")
app.add_typer(local.app, name="local")
