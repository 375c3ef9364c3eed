"""`kaa`: where the groups of commands meet."""

import os

import typer

from kaa import (
    contracts,
    dead_letters,
    demo,
    lag,
    local,
    notifications,
    organisers,
    outreach,
    publish,
    registry,
    report,
    run,
    simulate,
    status,
    topics,
)
from localstack.places import demo_home
from localstack.ways import running_addresses

app = typer.Typer(
    name="kaa",
    help="Messaging hub between schools and municipalities for kommunernas aktivitetsansvar.\n\n"
    "Exit statuses: 0 done; 1 the answer is no; 2 it cannot be done, with what to do in one line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _addresses(context: typer.Context) -> None:
    # a stack of this checkout that runs stands in for addresses that the environment does not give: the one of
    # `kaa local up`, else the demo's
    if context.invoked_subcommand in {"local", "demo"}:
        return
    addresses = running_addresses()
    if not addresses and demo_home().is_dir():
        os.environ["KAA_HOME"] = str(demo_home())
        addresses = running_addresses()
    for variable, address in addresses.items():
        os.environ.setdefault(variable, address)


for name, group in {
    "contracts": contracts,
    "organisers": organisers,
    "topics": topics,
    "dead-letters": dead_letters,
    "registry": registry,
    "outreach": outreach,
    "notifications": notifications,
    "report": report,
    "local": local,
}.items():
    app.add_typer(group.app, name=name)
app.command()(run.run)
app.command()(run.migrate)
app.command()(status.status)
app.command()(status.books)
app.command()(lag.lag)
app.command()(simulate.simulate)
app.command()(publish.publish)
app.command()(demo.demo)
