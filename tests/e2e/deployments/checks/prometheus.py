"""The rules of Prometheus.  tests/e2e/alerts has what concerns a live worker, and the alerts of played faults."""

import re
import sys

import yaml
from installation import ROOT
from shipped import accepts, check, fault, read

sys.path.append(str(ROOT / "scripts"))

import trouble_alerts  # noqa: E402

FOLDER = "deploy/prometheus"
ALERTS = f"{FOLDER}/alerts.yml"
TESTS = f"{FOLDER}/alerts_test.yml"
RUNBOOK = "docs/operating.md"


def rules(tree):
    return [rule for group in yaml.safe_load(read(tree, ALERTS))["groups"] for rule in group["rules"]]


@check(ALERTS)
def promtool_finds_no_fault_in_the_rules(tree):
    accepts("promtool", "check", "rules", "alerts.yml", cwd=tree / FOLDER)


fault(ALERTS, '(up{job="allocd"} == 1)', '(up{job="allocd"} = 1)', promtool_finds_no_fault_in_the_rules, "could not parse expression")


@check(ALERTS, TESTS)
def the_rules_pass_their_tests(tree):
    accepts("promtool", "test", "rules", "alerts_test.yml", cwd=tree / FOLDER)


fault(ALERTS, "allocd_queue_messages > 0 and", "allocd_queue_messages > 100 and", the_rules_pass_their_tests, "AllocdCommitsNothing")
fault(TESTS, "'no worker of allocd answers in south'", "'no worker answers'", the_rules_pass_their_tests, "AllocdNoWorker")
fault(ALERTS, "expr: sum by (installation, name) (allocd_leases) == 0", "expr: sum by (name) (allocd_leases) == 0", the_rules_pass_their_tests, "AllocdNoReader")
fault(ALERTS, "(allocd_leases * ignoring (name) group_left allocd_database_up) > 1", "(allocd_leases) > 1", the_rules_pass_their_tests, "AllocdInstallationsMixed")


@check(ALERTS)
def a_rule_that_adds_up_workers_keeps_installations_apart(tree):
    for rule in rules(tree):
        sums = re.findall(r"\b(?:sum|max|min|avg|count|group|topk|quantile)\b *(?:(by|without) *\(([^)]*)\))?", rule["expr"])
        assert all(way == "by" and "installation" in labels.split(", ") for way, labels in sums), f"{rule['alert']}: {rule['expr']}"


fault(
    ALERTS, "sum by (installation, message, reason)", "sum by (message, reason)",
    a_rule_that_adds_up_workers_keeps_installations_apart, "AllocdDeadLettersFailed",
)  # fmt: skip
fault(
    ALERTS, 'max by (installation, instance, code) (allocd_trouble{code="queue-full"})', 'max without (pod) (allocd_trouble{code="queue-full"})',
    a_rule_that_adds_up_workers_keeps_installations_apart, "AllocdQueueFull",
)  # fmt: skip


@check(ALERTS)
def the_rules_about_troubles_are_those_that_the_program_and_its_runbook_give(tree):
    assert len(trouble_alerts.troubles(tree)) > 30
    assert read(tree, ALERTS) == trouble_alerts.file_text(tree), "run scripts/trouble_alerts.py"


fault(
    ALERTS, 'max by (installation, instance, code) (allocd_trouble{code="queue-full"}) == 1', 'max by (installation, code) (allocd_trouble{code="queue-full"}) == 1',
    the_rules_about_troubles_are_those_that_the_program_and_its_runbook_give, "run scripts/trouble_alerts.py",
)  # fmt: skip


@check(ALERTS, RUNBOOK)
def an_alert_says_what_is_wrong_what_it_does_what_to_do_and_where_more_is(tree):
    headings = [heading.lower() for heading in re.findall(r"^### `?([\w-]+)`?$", read(tree, RUNBOOK), re.M)]
    for rule in rules(tree):
        name, text = rule["alert"], rule["annotations"]
        document, _, heading = text["runbook"].partition("#")
        assert text["summary"], name
        assert re.fullmatch(r"Effect: [A-Z].*\. Next: \S.*\.", text["description"]), f"{name}: {text['description']}"
        assert document == RUNBOOK and heading in headings, f"{name}: there is no {text['runbook']}"
        assert rule["labels"]["severity"] in ("page", "ticket", "info"), name


fault(
    ALERTS, "#allocdslow", "#allocd-slow",
    an_alert_says_what_is_wrong_what_it_does_what_to_do_and_where_more_is, "AllocdSlow: there is no docs/operating.md#allocd-slow",
)  # fmt: skip


@check(RUNBOOK)
def every_heading_of_the_runbook_says_what_happens_what_to_do_and_what_shows_the_end(tree):
    for part in ("Troubles", "Alerts"):
        section = read(tree, RUNBOOK).split(f"\n## {part}\n")[1].split("\n## ")[0]
        for heading in re.split(r"^### ", section, flags=re.M)[1:]:
            assert re.search(r"^- Effect: .*^- Next: .*^- Over: ", heading, re.M | re.S), heading


fault(
    RUNBOOK, "- Next: Free space; the worker continues by itself.\n", "",
    every_heading_of_the_runbook_says_what_happens_what_to_do_and_what_shows_the_end, "`database-full`",
)  # fmt: skip


# ---- the examples of configuration ----

PROMETHEUS = f"{FOLDER}/prometheus.yml"
ALERTMANAGER = f"{FOLDER}/alertmanager.yml"


@check(PROMETHEUS)
def promtool_accepts_the_example_and_finds_its_rules(tree):
    accepts("promtool", "check", "config", "prometheus.yml", cwd=tree / FOLDER)


fault(PROMETHEUS, "refresh_interval: 10s", "refresh: 10s", promtool_accepts_the_example_and_finds_its_rules, "field refresh not found")
fault(PROMETHEUS, "rule_files: [alerts.yml]", "rule_files: [rules.yml]", promtool_accepts_the_example_and_finds_its_rules, "rules.yml")


@check(PROMETHEUS, ALERTS)
def the_example_scrapes_under_the_name_that_the_rules_use_and_as_often_as_they_need(tree):
    example = yaml.safe_load(read(tree, PROMETHEUS))
    jobs = {job for rule in rules(tree) for job in re.findall(r'job="(\w+)"', rule["expr"])}

    assert {each["job_name"] for each in example["scrape_configs"]} == jobs, jobs
    assert example["global"] == {"scrape_interval": "15s", "evaluation_interval": "15s"}, example["global"]


fault(
    PROMETHEUS, "job_name: allocd ", "job_name: stock ",
    the_example_scrapes_under_the_name_that_the_rules_use_and_as_often_as_they_need, "{'allocd'}",
)  # fmt: skip


@check(ALERTMANAGER, ALERTS)
def alertmanager_routes_each_severity(tree):
    to = {"page": "on-call", "ticket": "tickets", "info": "no-one"}
    accepts("amtool", "check-config", tree / ALERTMANAGER)
    for severity in {rule["labels"]["severity"] for rule in rules(tree)}:
        route = ["amtool", "config", "routes", "test", f"--config.file={tree / ALERTMANAGER}"]
        accepts(*route, f"--verify.receivers={to[severity]}", f"severity={severity}")


fault(ALERTMANAGER, "group_wait: 10s", "wait: 10s", alertmanager_routes_each_severity, "field wait not found")
fault(ALERTMANAGER, 'severity="page"', 'severity="pages"', alertmanager_routes_each_severity, "--verify.receivers=on-call severity=page")


@check(ALERTMANAGER, ALERTS)
def alertmanager_inhibits_alerts_that_exist(tree):
    existing = {rule["alert"] for rule in rules(tree)}
    named = set(re.findall(r"Allocd\w+", read(tree, ALERTMANAGER)))

    assert named <= existing, named - existing


fault(ALERTMANAGER, "AllocdDown|", "AllocdWorkerDown|", alertmanager_inhibits_alerts_that_exist, "AllocdWorkerDown")
