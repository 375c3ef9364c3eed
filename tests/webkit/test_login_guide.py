"""docs/login.md and what it speaks of are true."""

import json
import re
from importlib import import_module
from pkgutil import iter_modules

import webkit
from localstack.keycloak import REALM
from tests.docs.pages import table, text
from webkit.issuers import Issuer
from webkit.problems import Kind


def test_the_guide_explains_every_code() -> None:
    modules = [import_module(f"webkit.{module.name}") for module in iter_modules(webkit.__path__)]
    kinds = {value.code for module in modules for value in vars(module).values() if isinstance(value, Kind)}
    rows = table(text("docs/login.md"), "code")
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row[0])} == kinds


def test_the_guide_explains_every_key_of_the_file() -> None:
    rows = table(text("docs/login.md"), "key")
    assert [row[0].strip("`") for row in rows] == list(Issuer.model_fields)


def test_the_realm_holds_no_secret_and_sends_nobody_elsewhere() -> None:
    realm = json.loads(text("deploy/local/keycloak/realm.json"))
    assert realm["realm"] == REALM
    stated = [client["secret"] for client in realm["clients"]]
    stated += [credential["value"] for user in realm["users"] for credential in user["credentials"]]
    assert all(re.fullmatch(r"\$\{KAA_\w+\}", one) for one in stated)
    pages, _program = realm["clients"]
    assert pages["redirectUris"] == ["${KAA_WEB_ADDRESS}/login/stockholm/answer"]
    assert pages["attributes"]["pkce.code.challenge.method"] == "S256"
