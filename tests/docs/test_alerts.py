"""The alert rules: right for Prometheus, about metrics that exist, each tested and with a paragraph of runbook."""

import re
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from localstack import promtool
from servicekit import telemetry
from tests.docs.pages import ROOT, text

FOLDER = ROOT / "deploy" / "prometheus"
PAGE = "docs/operations.md"


def _rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load(text("deploy/prometheus/alerts.yml"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(promtool.find()), *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )


def _metrics() -> dict[str, Sequence[str]]:
    """Name as Prometheus knows it → labels, of every metric that a service declares."""
    declared = [one for one in vars(telemetry).values() if isinstance(one, Counter | Gauge | Histogram)]
    return {
        f"{family.name}{'_total' if family.type == 'counter' else ''}": metric._labelnames
        for metric in declared
        for family in metric.describe()
    }


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")], ids=" ".join
)
def test_prometheus_takes_the_rules_and_they_fire_when_they_must_and_in_peace_never(
    arguments: Sequence[str],
) -> None:
    done = _promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_to_be_silent_in_the_tests_of_the_rules() -> None:
    loaded = yaml.safe_load(text("deploy/prometheus/alerts_test.yml"))
    seen: dict[str, set[bool]] = {}
    for case in loaded["tests"]:
        for one in case["promql_expr_test"]:
            for name in re.findall(r'alertname="(\w+)", alertstate="firing"', one["expr"]):
                seen.setdefault(name, set()).add(bool(one["exp_samples"]))
    assert seen == {rule["alert"]: {True, False} for rule in _rules()}


def test_every_alert_says_what_where_and_what_to_do() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["alert"]
        assert re.search(r"\bLook\b|\bFind\b|/health/|\bkaa ", rule["annotations"]["description"]), rule[
            "alert"
        ]


def test_every_alert_has_its_paragraph_in_the_runbook_and_no_other_has_one() -> None:
    page = text(PAGE)
    section = page.partition("\n## Runbook\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    assert headings == [rule["alert"] for rule in _rules()]
    assert [rule["annotations"]["runbook"] for rule in _rules()] == [
        f"{PAGE}#{heading.lower()}" for heading in headings
    ]
    for paragraph in re.split(r"^### \w+\n", section, flags=re.MULTILINE)[1:]:
        assert re.findall(r"^\*([A-Za-z ]+):\*", paragraph, re.MULTILINE) == [
            "Means", "First look", "Do", "Over when",
        ]  # fmt: skip


def test_every_metric_and_label_in_the_rules_is_one_that_the_services_give() -> None:
    metrics = _metrics()
    for rule in _rules():
        named = re.findall(r"\bkaa_\w+", rule["expr"])
        assert named, rule["alert"]
        assert set(named) <= metrics.keys(), rule["alert"]
        grouped = {
            label.strip() for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in by.split(",")
        }
        selected = set(re.findall(r"(\w+)!?=~?\"", rule["expr"]))
        assert grouped | selected <= {label for name in named for label in metrics[name]}, rule["alert"]
        said = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
        assert said <= grouped | selected | {"instance", "service"}, rule["alert"]
