"""The file of issuers: what it may say, and what each issuer can grant."""

from pathlib import Path
from typing import Any

import pytest

from servicekit.settings import ConfigurationError
from tests.contracts.yaml_files import BOMB
from tests.docs.pages import ROOT
from tests.webkit.issuing import entry
from webkit.issuers import load, secret_of, trusted

GOOD = """\
issuers:
  - name: stockholm
    title: Stockholms stad
    issuer: https://login.stockholm.example
    client_id: kaa
    client_secret: {environment: KAA_SECRET}
    municipalities: [0180, 0140]
    roles:
      - {claim: realm.roles, value: handlaggare, role: outreach, municipality: 0180}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "issuers.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(written(folder, text))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_example_is_right_and_holds_no_secret() -> None:
    issuers = load(ROOT / "deploy" / "outreach" / "issuers.yaml")
    assert [issuer.name for issuer in issuers] == ["stockholm", "sodertorn"]
    assert all(issuer.client_secret is not None for issuer in issuers)


def test_a_code_without_quotes_is_a_municipality_and_no_octal_number(tmp_path: Path) -> None:
    (issuer,) = load(written(tmp_path, GOOD))
    assert issuer.municipalities == ("0180", "0140")


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ("value: handlaggare", "value: ''", ":9: issuers[0].roles[0].value: expected some text"),
        ("role: outreach", "role: boss", ":9: issuers[0].roles[0].role: expected 'outreach', "),
        (", municipality: 0180}", "}", ":9: issuers[0].roles[0]: expected either `municipality` or"),
        (", municipality: 0180}", ", municipality: 1480}", ":2: issuers[0]: a role is granted in 1480"),
        ("[0180, 0140]", "[0180, 9999]", ":7: issuers[0].municipalities[1]: expected the 4-digit code"),
        ("[0180, 0140]", "[]", ":7: issuers[0].municipalities: the list is empty"),
        ("client_id: kaa", "client-id: kaa", ":5: issuers[0].client-id: no such key; expected one of: name, "),
        ("client_id: kaa", "client_id: kaa\n    client_id: other", ":6: `client_id` stands twice"),
        ("https://login", "http://login", ":4: issuers[0].issuer: expected an https:// address"),
        ("{environment: KAA_SECRET}", "geheim", ":6: issuers[0].client_secret: expected these keys with"),
        ("{environment: KAA_SECRET}", "{}", ":6: issuers[0].client_secret: expected either"),
        ("issuers:", "issuers: {", ": not YAML"),
        ("[0180, 0140]", "", ":7: issuers[0].municipalities: nothing stands here; expected a value"),
        (GOOD, "", ":1: the file is empty; expected `issuers:` with a list of issuers"),
        (GOOD, GOOD + GOOD.removeprefix("issuers:\n"), ":10: issuers[1].name: two issuers have the same `name`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_what_is_expected(
    changed: str, to: str, said: str, tmp_path: Path
) -> None:
    assert changed in GOOD
    refused = refusal(tmp_path, GOOD.replace(changed, to))
    assert said in refused
    assert "geheim" not in refused


def test_a_file_of_aliases_of_aliases_is_refused_before_they_are_followed(tmp_path: Path) -> None:
    assert "aliases followed; expected `issuers:` with a list" in refusal(tmp_path, BOMB)
    assert "nested too deep; expected `issuers:` with a list" in refusal(tmp_path, "issuers: &a [*a]\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"KAA_ISSUERS: .*none\.yaml: No such file"):
        load(tmp_path / "none.yaml")


def test_an_api_for_the_client_itself_is_refused_since_id_tokens_would_open_it() -> None:
    with pytest.raises(ValueError, match="an ID token would open the API"):
        entry(api={"audience": "kaa", "roles": [{"scope": "a", "role": "leader", "municipality": "0180"}]})


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment = entry(client_secret={"environment": "KAA_SECRET"})
    monkeypatch.setenv("KAA_SECRET", "one")
    assert secret_of(in_environment) == "one"
    monkeypatch.delenv("KAA_SECRET")
    with pytest.raises(ConfigurationError, match="stockholm: the environment has no KAA_SECRET"):
        secret_of(in_environment)

    file = tmp_path / "secret"
    in_file = entry(client_secret={"file": str(file)})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        secret_of(in_file)
    file.write_text("two\n")
    assert secret_of(in_file) == "two"
    assert secret_of(entry()) is None


@pytest.mark.parametrize(
    ("claims", "granted"),
    [
        ({"roles": ["outreach", "unknown"], "kommun": "0180"}, {("0180", "outreach")}),
        ({"roles": "leader", "kommun": ["0180", "0126"]}, {("0180", "leader"), ("0126", "leader")}),
        ({"roles": ["leader"], "kommun": "1480"}, set()),
        ({"roles": ["leader"], "kommun": ["1480", "0126"]}, {("0126", "leader")}),
        ({"roles": ["leader"]}, set()),
        ({"kommun": "0180"}, set()),
        ({"roles": {"leader": True}, "kommun": "0180"}, set()),
        ({"roles": [["leader"], None, 1], "kommun": ["0180"]}, set()),
    ],
)
def test_an_issuer_grants_in_its_own_municipalities_alone(
    claims: dict[str, Any], granted: set[tuple[str, str]]
) -> None:
    """INV-09: whatever a token claims, an issuer opens no other municipality than those configured for it."""
    assert entry("both", "0180", "0126").granted(claims) == granted


def test_a_claim_may_lie_deep_or_have_dots_in_its_name() -> None:
    rules = [
        {"claim": "realm_access.roles", "value": "a", "role": "leader", "municipality": "0180"},
        {"claim": ["https://x.example/roles"], "value": "b", "role": "registrar", "municipality": "0180"},
    ]
    issuer = entry(roles=rules)
    assert issuer.granted({"realm_access": {"roles": ["a"]}}) == {("0180", "leader")}
    assert issuer.granted({"https://x.example/roles": "b"}) == {("0180", "registrar")}
    assert issuer.granted({"realm_access": ["a"], "https://x": {"example/roles": "b"}}) == frozenset()


@pytest.mark.parametrize(
    "claims",
    [{"scope": "openid kaa.outreach"}, {"scp": "kaa.outreach"}, {"scp": ["other", "kaa.outreach"]}],
)
def test_scopes_grant_in_the_same_way(claims: dict[str, Any]) -> None:
    assert entry().granted_by_scope(claims | {"kommun": "0180"}) == {("0180", "outreach")}
    assert entry().granted_by_scope(claims | {"kommun": "1480"}) == frozenset()
    assert entry(api=None).granted_by_scope(claims | {"kommun": "0180"}) == frozenset()


@pytest.mark.parametrize(
    ("address", "plainly"),
    [
        ("https://login.example", True),
        ("https://login.example:8443/realms/x", True),
        ("http://login.example", False),
        ("http://127.0.0.1:8080", None),
        ("http://localhost:8080", None),
        ("http://127.0.0.1.example", False),
        ("https://user@login.example", False),
        ("https://login.example?a=b", False),
        ("https://login.example:99999", False),
        ("ftp://login.example", False),
        ("login.example", False),
    ],
)
def test_only_what_nobody_can_listen_to_is_trusted(address: str, plainly: bool | None) -> None:
    """None: with the setting for demo and tests alone."""
    assert trusted(address, plain_http=False) is bool(plainly)
    assert trusted(address, plain_http=True) is (plainly is None or plainly)
