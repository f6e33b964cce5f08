#!/usr/bin/python3
"""Writes the alerts about troubles, one a code, into deploy/prometheus/alerts.yml, behind its last comment, and the whole
file once more for Kubernetes, as a PrometheusRule.

What is wrong is said by the heading of docs/operating.md, the effect and the next step by the table of the
program, so that the alerts, the program and the runbook cannot part.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = "src/entrypoints/troubles/trouble.c"
RUNBOOK = "docs/operating.md"
ALERTS = "deploy/prometheus/alerts.yml"
RULE = "deploy/kubernetes/overlays/prometheus/prometheusrule.yaml"
HEAD_ENDS = "# Below: written by scripts/trouble_alerts.py.\n"

URGENCY = {"STOP": "page", "HARM": "ticket", "NOTE": "info"}
OTHER_URGENCY = {"stream-lost": "page", "dead-letters-new": "ticket"}  # commands are lost; a person has to act

# Two evaluations in a row at the usual interval of 15 s, so that a blip calls no one.
FOR = "10s"
OTHER_FOR = {
    "stream-lost": "0s", "dead-letters-new": "0s",  # these last for an hour
    "stream-behind": "5m", "queue-full": "5m", "mail-unreachable": "5m", "nobody-listens": "15m", "clock-skew": "15m",
}  # fmt: skip

# Names the installation, where the targets have such a label.
OF_INSTALLATION = "{{ with $labels.installation }} of {{ . }}{{ end }}"

STRING = r'(?:"(?:[^"\\]|\\.)*"\s*)+'


def text_of(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))


def troubles(root):
    """(code, severity, effect, advice) of each, in the order of the table."""
    source = (root / TABLE).read_text(encoding="utf-8")
    named = {name: text_of(value) for name, value in re.findall(r"#define (\w+) +((?:.*\\\n)*.*)\n", source)}
    rows = re.findall(rf"\[TROUBLE_\w+\] =\s*{{({STRING}), TROUBLE_(\w+), \w+,\s*({STRING}|\w+),\s*({STRING})}}", source)
    return [(text_of(code), severity, named.get(effect) or text_of(effect), text_of(advice)) for code, severity, effect, advice in rows]


def causes(root):
    """{code: what is wrong}, the first sentence below the heading."""
    runbook = (root / RUNBOOK).read_text(encoding="utf-8")
    found = re.findall(r"^### `([a-z-]+)`\n\nSeverity `\w+`\. ((?:(?!\n\n).)*?)\.\s", runbook, re.M | re.S)
    return {code: " ".join(sentence.replace("`", "").split()) for code, sentence in found}


def sentence(text):
    return f"{text[0].upper()}{text[1:]}."


def quoted(text):
    """A text in YAML, in which a backslash and a quote mean themselves."""
    return "'" + text.replace("'", "''") + "'"


def rule(code, severity, effect, advice, cause):
    name = "Allocd" + "".join(word.capitalize() for word in code.split("-"))
    description = f"Effect: {sentence(effect)} Next: {sentence(advice)} `allocd status` has the figures and the last error."
    return f"""\
      - alert: {name}
        expr: max by (installation, instance, code) (allocd_trouble{{code="{code}"}}) == 1
        for: {OTHER_FOR.get(code, FOR)}
        labels: {{severity: {OTHER_URGENCY.get(code, URGENCY[severity])}}}
        annotations:
          summary: {quoted(f"{code} on {{{{ $labels.instance }}}}{OF_INSTALLATION}: {sentence(cause)}")}
          description: {quoted(description)}
          runbook: docs/operating.md#{code}
"""


def file_text(root):
    head = (root / ALERTS).read_text(encoding="utf-8").split(HEAD_ENDS)[0]
    of = causes(root)
    return head + HEAD_ENDS + "  - name: allocd-troubles\n    rules:\n" + "".join(rule(*trouble, of[trouble[0]]) for trouble in troubles(root))


def rule_text(root):
    """The alerts as an object of the Prometheus Operator."""
    alerts = re.sub("^(?=.)", "  ", file_text(root), flags=re.M)
    head = "# Written by scripts/trouble_alerts.py from deploy/prometheus/alerts.yml.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
    return f"{head}metadata:\n  name: allocd\n  labels: {{app.kubernetes.io/name: allocd}}\nspec:\n{alerts}"


if __name__ == "__main__":
    (ROOT / ALERTS).write_text(file_text(ROOT), encoding="utf-8")
    (ROOT / RULE).write_text(rule_text(ROOT), encoding="utf-8")
