"""Who may say who somebody is: the issuers (OpenID Connect) of an installation, and what each may grant.

A user is (issuer, subject). An issuer grants roles in the municipalities that its entry lists and in no other,
whatever its tokens claim (INV-09). One YAML file per installation; deploy/outreach/issuers.yaml shows all of it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from contracts.identifiers import NO_CONTROL, municipality_code
from contracts.yaml_file import Place, YamlFileError, read
from servicekit.settings import LOOPBACK, ConfigurationError
from servicekit.viewers import Role

#: What may stand in a cell of the file.
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_CONTROL)]
Municipality = Annotated[str, AfterValidator(municipality_code)]
#: Verified, in one municipality each: (municipality, role).
Grants = frozenset[tuple[str, Role]]


def _steps(path: object) -> object:
    """``realm_access.roles`` or, for names with dots of their own, ``["https://example.org/roles"]``."""
    return path.split(".") if isinstance(path, str) else path


#: The way to a claim, from the outermost name in.
ClaimPath = Annotated[tuple[Text, ...], BeforeValidator(_steps), Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Granting(_Entry):
    """A role, and where: in one municipality, or in those that a claim names and the issuer may grant in."""

    role: Role
    municipality: Municipality | None = None
    municipality_claim: ClaimPath | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.municipality is None) == (self.municipality_claim is None):
            raise ValueError("expected either `municipality` or `municipality_claim`")
        return self


class Rule(_Granting):
    """Who has this value in this claim of the ID token has the role."""

    claim: ClaimPath
    value: Text


class ScopeRule(_Granting):
    """Whose access token has this scope has the role."""

    scope: Annotated[Text, Field(pattern=r"^\S+$")]


class Api(_Entry):
    """Access tokens (JWT) of this issuer open the API, if they are made out to this audience."""

    audience: Text
    roles: Annotated[tuple[ScopeRule, ...], Field(min_length=1)]


class Secret(_Entry):
    """Where the client's secret is: never in the file itself."""

    environment: Annotated[Text, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")] | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.environment is None) == (self.file is None):
            raise ValueError("expected either `environment` or `file`")
        return self


class Issuer(_Entry):
    """One issuer and what it may grant."""

    #: Stands in history and access log before the subject: it must never come to mean another issuer.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    #: What people choose on the login page.
    title: Text
    #: The issuer identifier, exactly as its tokens have it.
    issuer: Text
    client_id: Text
    client_secret: Secret | None = None
    municipalities: Annotated[tuple[Municipality, ...], Field(min_length=1)]
    scopes: tuple[Text, ...] = ("openid", "profile")
    roles: Annotated[tuple[Rule, ...], Field(min_length=1)]
    api: Api | None = None

    @field_validator("issuer")
    @classmethod
    def _protected_on_its_way(cls, value: str, info: ValidationInfo) -> str:
        plain = bool(info.context and info.context["plain_http"])
        if not trusted(value, plain_http=plain):
            raise ValueError(
                "expected an https:// address without query, fragment or credentials "
                "(http:// on loopback with KAA_WEB_PLAIN_HTTP, for demo and tests)"
            )
        return value

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if "openid" not in self.scopes:
            raise ValueError("`scopes` must contain openid")
        for granting in (*self.roles, *(self.api.roles if self.api else ())):
            if granting.municipality is not None and granting.municipality not in self.municipalities:
                raise ValueError(
                    f"a role is granted in {granting.municipality}, which is not among `municipalities`"
                )
        if self.api is not None and self.api.audience == self.client_id:
            raise ValueError("`api.audience` must differ from `client_id`: an ID token would open the API")
        return self

    @property
    def for_trial(self) -> bool:
        """Reached over plain http, which KAA_WEB_PLAIN_HTTP allows for the demo and tests: never in production."""
        return urlsplit(self.issuer).scheme == "http"

    def granted(self, claims: Mapping[str, Any]) -> Grants:
        """What the verified claims of an ID token grant; empty for somebody without a role here."""
        return frozenset(
            grant
            for rule in self.roles
            if rule.value in _values(claims, rule.claim)
            for grant in self._places(rule, claims)
        )

    def granted_by_scope(self, claims: Mapping[str, Any]) -> Grants:
        """What the verified claims of an access token grant; ``scp`` is Microsoft's name for ``scope``."""
        scopes = {
            one for name in ("scope", "scp") for value in _values(claims, (name,)) for one in value.split()
        }
        rules = self.api.roles if self.api else ()
        return frozenset(
            grant for rule in rules if rule.scope in scopes for grant in self._places(rule, claims)
        )

    def _places(self, granting: _Granting, claims: Mapping[str, Any]) -> Iterator[tuple[str, Role]]:
        claimed = (
            _values(claims, granting.municipality_claim)
            if granting.municipality_claim is not None
            else {granting.municipality}
        )
        for municipality in self.municipalities:
            if municipality in claimed:
                yield municipality, granting.role


class _File(_Entry):
    issuers: Annotated[tuple[Issuer, ...], Field(min_length=1)]


def trusted(address: str, *, plain_http: bool) -> bool:
    """Whether what is sent to the address can be read by nobody else: https, or loopback where that is allowed."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or port == 0 or parts.username or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (plain_http and parts.scheme == "http" and parts.hostname in LOOPBACK)


def load(path: Path, *, plain_http: bool = False) -> tuple[Issuer, ...]:
    """The issuers in a YAML file. Raises ConfigurationError with all that is wrong, and the line of each."""
    expected, context = "`issuers:` with a list of issuers", {"plain_http": plain_http}
    try:
        # as text: 0140 is a municipality here, no octal number
        return read(path, _File, expected, _each_once, as_text=True, context=context).issuers
    except OSError as error:
        raise ConfigurationError(f"KAA_ISSUERS: {path}: {error.strerror}") from None
    except YamlFileError as error:
        raise ConfigurationError("; ".join(str(error).split("\n"))) from None


def _each_once(file: _File) -> Iterator[tuple[Place, str]]:
    for what in ("name", "issuer", "title"):
        seen: set[str] = set()
        for position, issuer in enumerate(file.issuers):
            value = getattr(issuer, what)
            if value in seen:
                yield ("issuers", position, what), f"two issuers have the same `{what}`, {value}"
            seen.add(value)


def secret_of(issuer: Issuer) -> str | None:
    """The client's secret; None for a client without one. Raises ConfigurationError when it is not there."""
    source = issuer.client_secret
    if source is None:
        return None
    if source.environment is not None:
        secret, where = os.environ.get(source.environment, ""), f"the environment has no {source.environment}"
    else:
        assert source.file is not None
        try:
            secret, where = source.file.read_text(encoding="utf-8").strip(), f"{source.file} is empty"
        except (OSError, UnicodeDecodeError):
            secret, where = "", f"{source.file} cannot be read"
    if not secret:
        raise ConfigurationError(f"the client secret of the issuer {issuer.name}: {where}")
    return secret


def _values(claims: Mapping[str, Any], path: Iterable[str]) -> frozenset[str]:
    """The texts at the end of a path: one, a list of them, or none when it leads nowhere."""
    found: Any = claims
    for step in path:
        if not isinstance(found, Mapping) or step not in found:
            return frozenset()
        found = found[step]
    listed = found if isinstance(found, list) else [found]
    return frozenset(value for value in listed if isinstance(value, str))
