"""What the alert rules that ship name exists on a live worker; deployments/checks/prometheus.py has what needs none."""

import re

import yaml
from installation import ROOT
from scrape import OF_HISTOGRAM, Scrape

RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def test_every_metric_and_trouble_that_a_rule_names_is_there_on_a_live_worker(allocd):
    scrape = Scrape(allocd)
    named = {OF_HISTOGRAM.sub("", name) for rule in RULES for name in re.findall(r"\ballocd_\w+", rule["expr"])}
    codes = {code for rule in RULES for code in re.findall(r'code="([a-z-]+)"', rule["expr"])}

    assert named and named <= set(scrape.types)
    assert codes == {dict(labels)["code"] for name, labels in scrape.values if name == "allocd_trouble"}
    labels = {"name": "allocd_leases", "message": "allocd_dead_letters_added_total"}
    assert all(label in scrape.labels[metric] for label, metric in labels.items())
