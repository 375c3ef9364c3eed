"""Settings from the environment (``KAA_…``); a missing or wrong one is one clear line.

Each service has its own database with an owner for migrations and an application role that owns nothing; one that
people work in has a third role for them, *staff*, to whom the database shows one municipality's rows.
``KAA_OUTREACH_DATABASE``, ``KAA_OUTREACH_OWNER_DATABASE`` and ``KAA_OUTREACH_STAFF_DATABASE`` (and so on) name them;
where they are absent and ``KAA_POSTGRES``, an administrator's address, is given, they are derived from it (local
stack, tests).
"""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Service = Literal["registry", "notifications", "outreach", "reporting"]
SERVICES: Final[tuple[Service, ...]] = get_args(Service)
#: What people at work in a service may meet has the role ``staff``: pages, API, commands.
Role = Literal["owner", "app", "staff"]
DATABASE_ROLES: Final[tuple[Role, ...]] = get_args(Role)
#: The services that people work in.
STAFFED: Final[frozenset[Service]] = frozenset({"outreach"})
#: Hosts whose traffic leaves the machine for nobody to read.
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ConfigurationError(Exception):
    """Something that cannot heal by waiting: said in one line, exit status 2."""


class Settings(BaseSettings):
    """What a process reads from its environment; the docstring of each field is what operators read."""

    model_config = SettingsConfigDict(env_prefix="KAA_", hide_input_in_errors=True, frozen=True)

    #: Addresses of the Kafka brokers, ``host:port,host:port``.
    kafka: str = ""
    #: Address of a PostgreSQL administrator; only for preparing databases and to derive service addresses.
    postgres: str = ""
    #: What the names of databases and roles begin with.
    database_prefix: str = Field(default="kaa_", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    registry_database: str = ""
    registry_owner_database: str = ""
    notifications_database: str = ""
    notifications_owner_database: str = ""
    outreach_database: str = ""
    outreach_owner_database: str = ""
    outreach_staff_database: str = ""
    reporting_database: str = ""
    reporting_owner_database: str = ""
    #: The directory of organisers of this installation.
    organisers: Path = Path("deploy/organisers.yaml")
    #: What the names of consumer groups and transactional ids begin with.
    group_prefix: str = "kaa."
    #: Records a transaction takes at most; a poll takes three times as many.
    batch: int = Field(default=1000, ge=1, le=10_000)
    #: Bad records in a row on a topic after which it is paused.
    limit_run: int = Field(default=200, ge=1)
    #: Share of bad records among the last ``limit_window`` of a topic above which it is paused.
    limit_ratio: float = Field(default=0.5, gt=0, le=1)
    limit_window: int = Field(default=500, ge=10)
    #: Seconds a batch may be retried while the database is away; below ``max.poll.interval.ms`` (300 s).
    retry_seconds: float = Field(default=240, gt=0, le=280)
    #: Address of health answers and metrics; port 0 takes a free one.
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=65_535)
    #: Where to write the address of the health answers (``<service>-<pid>.address``), if the port is a free one.
    health_folder: Path | None = None
    #: Whether the registry's business day follows the calendar (Europe/Stockholm).
    calendar: bool = True
    #: Where pages and API for people listen.
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8000, ge=1, le=65_535)
    #: Plain http on the loopback interface, for the demo and tests: cookies then travel in the clear.
    web_plain_http: bool = False
    #: The address at which browsers reach them, without a path: ``https://kaa.example.org``.
    web_address: str = ""
    #: Addresses of reverse proxies, whose word on where a request comes from counts; separated by commas.
    web_proxies: str = "127.0.0.1"
    #: Who may log in, and as what: docs/login.md.
    issuers: Path | None = None
    #: Folder with the ladders of municipalities that have their own, ``<code>.yaml`` each: docs/ladder.md.
    outreach_ladders: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("kafka")
    @classmethod
    def _of_brokers(cls, value: str) -> str:
        for address in value.split(",") if value else ():
            parts = _split(f"//{address.strip()}")
            if not (parts and parts.hostname and parts.port):
                raise ValueError("expected addresses of Kafka brokers, host:port,host:port")
        return value

    @field_validator(
        "postgres",
        "outreach_staff_database",
        *(f"{one}{role}_database" for one in SERVICES for role in ("", "_owner")),
    )
    @classmethod
    def _of_a_database(cls, value: str) -> str:
        # what it cannot read asyncpg reports as it does a lost connection, which would be waited for
        parts = _split(value)
        if value and not (
            parts and parts.scheme in {"postgresql", "postgres"} and parts.hostname and parts.path.strip("/")
        ):
            raise ValueError(
                "expected the address of a database, postgresql://role:password@host:port/database"
            )
        return value

    @field_validator("web_address")
    @classmethod
    def _of_pages(cls, value: str, info: ValidationInfo) -> str:
        parts = _split(value)
        if not value:
            return value
        if not (parts and parts.hostname and not parts.username) or (
            parts.path.strip("/") or parts.query or parts.fragment
        ):
            raise ValueError("expected an address without a path, https://host or https://host:port")
        plain = info.data.get("web_plain_http") is True and parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and plain):
            raise ValueError(
                "expected https://; for demo and tests http://127.0.0.1:port with KAA_WEB_PLAIN_HTTP=true"
            )
        return value.rstrip("/")

    def brokers(self) -> str:
        """The brokers' addresses. Raises ConfigurationError."""
        if not self.kafka:
            raise ConfigurationError("KAA_KAFKA is not set: the addresses of the Kafka brokers, host:port")
        return self.kafka

    def database(self, service: Service, role: Role = "app") -> str:
        """The address of a service's database for a role; ``staff`` of a service in ``STAFFED``.

        Raises ConfigurationError.
        """
        name = f"{service}_database" if role == "app" else f"{service}_{role}_database"
        stated: str = getattr(self, name)
        if stated:
            return stated
        if self.postgres:
            return role_url(self.postgres, f"{self.database_prefix}{service}", role)
        raise ConfigurationError(
            f"KAA_{name.upper()} is not set: the PostgreSQL address of the {service}'s database "
            "(or KAA_POSTGRES, an administrator's, to derive it from)"
        )

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return f"{self.group_prefix}{service}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def load() -> Settings:
    """The settings of this process. Raises ConfigurationError, one line for all that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"KAA_{'_'.join(str(part) for part in problem['loc']).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(wrong) from None


def role_name(database: str, role: Role) -> str:
    """The role's name on the server, which has one set of roles for all its databases."""
    return f"{database}_{role}"


def role_password(admin_url: str, role: str) -> str:
    """A password for a role, derived from the administrator's: only for local stacks and tests."""
    return hmac.new((urlsplit(admin_url).password or "").encode(), role.encode(), sha256).hexdigest()[:40]


def role_url(admin_url: str, database: str, role: Role) -> str:
    """The address of a database for a role, on the administrator's server."""
    parts = urlsplit(admin_url)
    name = role_name(database, role)
    where = f"{parts.hostname}:{parts.port or 5432}"
    return urlunsplit(
        parts._replace(netloc=f"{quote(name)}:{role_password(admin_url, name)}@{where}", path=f"/{database}")
    )
