"""A login for the demo and for tests, NOT FOR PRODUCTION: it lets everybody in as whoever they say they are.

The package `oidc-provider-mock` on the loopback interface (`localstack.oidc_provider`), with three sample users of
Stockholm (0180): `outreach`, `leader` and `registrar`. Its page shows them as buttons, and programs get access tokens
for the API in their names. It keeps nothing from one start to the next.
"""

import json
import sys
import urllib.request
from pathlib import Path
from signal import Signals
from typing import Any, Final

from localstack.ports import HOST, free_port, listens
from localstack.processes import Process, launch
from localstack.running import Running, locked, recall, recorded, remember, see_it_up

#: Subject → claims. Made up, like everything of the demo.
USERS: Final[dict[str, dict[str, Any]]] = {
    "outreach": {"name": "Otilia Uppsökare", "kaa_roles": ["outreach"], "kaa_municipality": "0180"},
    "leader": {"name": "Lennart Ledare", "kaa_roles": ["outreach", "leader"], "kaa_municipality": "0180"},
    "registrar": {"name": "Regina Registrator", "kaa_roles": ["registrar"], "kaa_municipality": "0180"},
}
#: To whom its access tokens are made out, and what a role's scope begins with.
AUDIENCE: Final = "kaa-api"
SCOPE: Final = "kaa."

_ISSUERS: Final = """\
# Made by the local stack, for the demo and tests. NOT FOR PRODUCTION: this issuer lets everybody in.
issuers:
  - name: demo
    title: Stockholms stad (demo)
    issuer: {address}
    client_id: kaa
    client_secret: {{file: {secret}}}
    municipalities: ["0180"]
    roles:
      - {{claim: kaa_roles, value: outreach, role: outreach, municipality_claim: kaa_municipality}}
      - {{claim: kaa_roles, value: leader, role: leader, municipality_claim: kaa_municipality}}
      - {{claim: kaa_roles, value: registrar, role: registrar, municipality_claim: kaa_municipality}}
    api:
      audience: {audience}
      roles:
        - {{scope: {scope}outreach, role: outreach, municipality_claim: kaa_municipality}}
        - {{scope: {scope}leader, role: leader, municipality_claim: kaa_municipality}}
        - {{scope: {scope}registrar, role: registrar, municipality_claim: kaa_municipality}}
"""


def start_oidc(folder: Path) -> Running:
    """Start the provider of this folder, or find it running; it answers on return.

    Its port is chosen at the first start and kept. `StackError` when it does not come up.
    """
    with locked(folder):
        if (found := running_oidc(folder)) is not None:
            return found
        state = recall(folder) or {"port": free_port()}
        remember(folder, state)
        log = folder / "oidc.log"
        process = launch([sys.executable, "-m", "localstack.oidc_provider", str(state["port"])], log)
        running = _running(folder, state["port"], process)
        # the provider asks for a secret, and takes any
        secret = folder / "client-secret"
        secret.write_text("demo", encoding="utf-8")
        text = _ISSUERS.format(address=running.address, secret=secret, audience=AUDIENCE, scope=SCOPE)
        issuers_file(folder).write_text(text, encoding="utf-8")
        see_it_up(running, oidc_answers, "the login of the demo", log)
        return running


def running_oidc(folder: Path) -> Running | None:
    """The provider of this folder if its process runs; it may not answer yet."""
    process = recorded(folder)
    return None if process is None else _running(folder, recall(folder)["port"], process)


def issuers_file(folder: Path) -> Path:
    """For KAA_ISSUERS, once it was started."""
    return folder / "issuers.yaml"


def oidc_answers(address: str) -> bool:
    """Whether an issuer publishes its metadata at the address."""
    host, _, port = address.removeprefix("http://").partition("/")[0].rpartition(":")
    if not listens(host, int(port)):
        return False
    try:
        with urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=10) as answer:
            found: bool = json.load(answer)["issuer"] == address
    except (OSError, ValueError, KeyError):
        return False
    return found


def _running(folder: Path, port: int, process: Process) -> Running:
    return Running(f"http://{HOST}:{port}", folder, folder, process, Signals.SIGTERM)
