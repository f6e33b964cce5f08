"""The alert rules that ship: what they name exists, and they cannot part from the program and its runbook."""

import re
import subprocess
import sys

import pytest
import yaml
from documents import document
from installation import ROOT
from scrape import Scrape

FOLDER = ROOT / "deploy" / "prometheus"
OF_HISTOGRAM = re.compile("_(bucket|sum|count)$")

RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
NAMES = [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("arguments", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]], ids=["check", "test"])
def test_promtool_finds_no_fault_in_the_rules(arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_about_troubles_are_those_that_the_program_and_its_runbook_give():
    sys.path.append(str(ROOT / "scripts"))
    import trouble_alerts

    assert len(trouble_alerts.troubles()) > 30
    assert (FOLDER / "alerts.yml").read_text() == trouble_alerts.file_text(), "run scripts/trouble_alerts.py"


def test_every_metric_and_trouble_that_a_rule_names_is_there_on_a_live_worker(allocd):
    scrape = Scrape(allocd)
    named = {OF_HISTOGRAM.sub("", name) for rule in RULES for name in re.findall(r"\ballocd_\w+", rule["expr"])}
    codes = {code for rule in RULES for code in re.findall(r'code="([a-z-]+)"', rule["expr"])}

    assert named and named <= set(scrape.types)
    assert codes == {dict(labels)["code"] for name, labels in scrape.values if name == "allocd_trouble"}
    labels = {"name": "allocd_leases", "message": "allocd_dead_letters_added_total"}
    assert all(label in scrape.labels[metric] for label, metric in labels.items())


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_is_wrong_what_it_does_what_to_do_and_where_more_is(rule):
    text = rule["annotations"]
    name, _, heading = text["runbook"].partition("#")
    headings = re.findall(r"^### `?([\w-]+)`?$", document("operating.md"), re.M)

    assert text["summary"]
    assert re.fullmatch(r"Effect: [A-Z].*\. Next: \S.*\.", text["description"])
    assert name == "docs/operating.md"
    assert heading in [each.lower() for each in headings]
    assert rule["labels"]["severity"] in ("page", "ticket", "info")


def test_every_heading_of_the_runbook_says_what_happens_what_to_do_and_what_shows_the_end():
    for part in ("Troubles", "Alerts"):
        section = document("operating.md").split(f"\n## {part}\n")[1].split("\n## ")[0]
        for heading in re.split(r"^### ", section, flags=re.M)[1:]:
            assert re.search(r"^- Effect: .*^- Next: .*^- Over: ", heading, re.M | re.S), heading
