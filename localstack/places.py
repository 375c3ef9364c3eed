"""Where a checkout keeps what `make setup` and the local stack make."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

KAFKA_POM = CHECKOUT / "deploy" / "local" / "kafka" / "pom.xml"
KAFKA_PROPERTIES = CHECKOUT / "deploy" / "local" / "kafka" / "server.properties"
KAFKA_LOG4J = CHECKOUT / "deploy" / "local" / "kafka" / "log4j2.xml"
KEYCLOAK_POM = CHECKOUT / "deploy" / "local" / "keycloak" / "pom.xml"
KEYCLOAK_REALM = CHECKOUT / "deploy" / "local" / "keycloak" / "realm.json"
POSTGRES_CONF = CHECKOUT / "deploy" / "local" / "postgres" / "postgresql.conf"
COMPOSE_FILE = CHECKOUT / "deploy" / "compose.yaml"

#: Kafka's jars belong to the checkout, not to a running stack: KAA_HOME does not move them.
KAFKA_LIB = CHECKOUT / ".kaa" / "kafka" / "lib"

#: So does Keycloak, which only `make test-oidc` needs.
KEYCLOAK = CHECKOUT / ".kaa" / "keycloak"


def home() -> Path:
    """The folder for state: ports, passwords, data, logs. `KAA_HOME`, or `.kaa` in the checkout."""
    return Path(os.environ.get("KAA_HOME") or CHECKOUT / ".kaa").resolve()


def local_stack() -> Path:
    """The folder of the stack that `kaa local up` starts."""
    return home() / "local"


def demo_home() -> Path:
    """The home of the demo's own stack, apart from what `kaa local up` keeps."""
    return home() / "demo"
