"""Whom the alerts call: faults that `amtool check-config` accepts."""

import re

import yaml
from shipped import check, fault, read

ALERTMANAGER = "deploy/prometheus/alertmanager.yml"


def example(tree):
    return yaml.safe_load(read(tree, ALERTMANAGER))


@check(ALERTMANAGER)
def each_receiver_but_no_one_has_an_address(tree):
    for receiver in example(tree)["receivers"]:
        to = [name for name in receiver if name.endswith("_configs")]
        assert bool(to) == (receiver["name"] != "no-one"), f"{receiver['name']}: {to}"


fault(ALERTMANAGER, "    email_configs: [{to: stock@example.com}]\n", "", each_receiver_but_no_one_has_an_address, "tickets: []")


@check(ALERTMANAGER)
def a_page_is_repeated_more_often_than_a_ticket_and_an_alert_of_each_worker_is_one_notification(tree):
    route = example(tree)["route"]
    [page] = [each for each in route["routes"] if each["matchers"] == ['severity="page"']]

    assert route.get("group_by") == ["alertname", "installation"], "group_by"
    assert minutes(page.get("repeat_interval", "4h")) <= 60 <= minutes(route.get("repeat_interval", "4h")) / 12, "repeat_interval"
    assert minutes(route.get("group_interval", "")) >= minutes(route.get("group_wait", "")) > 0, "group_wait"


def minutes(text):
    """Of a time as "30m"; 0 of none."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    return int(found[1]) * {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}[found[2]] if found else 0


fault(
    ALERTMANAGER, "      repeat_interval: 30m\n", "",
    a_page_is_repeated_more_often_than_a_ticket_and_an_alert_of_each_worker_is_one_notification, "repeat_interval",
)  # fmt: skip
fault(
    ALERTMANAGER, "  group_by: [alertname, installation]\n", "",
    a_page_is_repeated_more_often_than_a_ticket_and_an_alert_of_each_worker_is_one_notification, "group_by",
)  # fmt: skip


@check(ALERTMANAGER)
def an_alert_inhibits_others_and_not_every_one(tree):
    for rule in example(tree)["inhibit_rules"]:
        matchers = [*rule["source_matchers"], *rule.get("target_matchers", [])]
        assert len(matchers) == 2 and all(each.startswith("alertname=") for each in matchers), matchers


fault(
    ALERTMANAGER, '    target_matchers: [alertname=~"AllocdDown|AllocdNoReader"]\n', "",
    an_alert_inhibits_others_and_not_every_one, """['alertname="AllocdNoWorker"']""",
)  # fmt: skip


@check(ALERTMANAGER)
def an_alert_inhibits_those_of_its_own_installation_alone(tree):
    for rule in example(tree)["inhibit_rules"]:
        assert rule.get("equal") == ["installation"], f"{rule['source_matchers']}: {rule.get('equal')}"


fault(ALERTMANAGER, "    equal: [installation]\n", "", an_alert_inhibits_those_of_its_own_installation_alone, "None")
