#!/usr/bin/python3
"""Writes deploy/grafana/allocd.json, a dashboard, of the table of metrics in docs/metrics.md.

A test compares that table with a live worker.  It gives each panel its description, its unit, and the form of its
query, which follows from the type; a metric or a label that is not in the table ends the program.
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = "docs/metrics.md"
DASHBOARD = "deploy/grafana/allocd.json"

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
ALL_COLUMNS = 24
PERCENTILES = (0.5, 0.95, 0.99)
SHADES = {"exponent": 0.5, "fill": "green", "mode": "scheme", "reverse": False, "scheme": "Greens", "steps": 64}


# ---- the table, and queries of its metrics ----


def metrics(root):
    """{name: (type, labels, what it means)}"""
    text = (root / TABLE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| (.*) \|$", text, re.M)
    return {name: (kind, re.findall(r"`(\w+)`", labels), plain(means)) for name, kind, labels, means in rows}


def plain(text):
    """Without links, whose targets are not at hand in Grafana."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return text[0].upper() + text[1:] + "."


def unit_of(name, kind):
    if kind == "counter":
        return "percentunit" if name.endswith("_seconds_total") else "ops"
    return next((unit for word, unit in (("_seconds", "s"), ("_bytes", "bytes")) if name.endswith(word)), "short")


class Panels:
    """Makes the parts of the dashboard, which refer to metrics of the table."""

    def __init__(self, root):
        self.table = metrics(root)

    def selected(self, name, labels=(), **having):
        """The workers' series of the metric that the viewer chose, or those of them that have these values."""
        kind, known, means = self.table[name]
        assert "**deprecated**" not in means, f"{name} is deprecated"
        assert {*labels, *having} <= {*known, "instance"}, f"{name} has no {labels} {having}"
        chosen = "".join(f'{label}="{value}", ' for label, value in having.items())
        return f'{{job="allocd", installation=~"$installation", {chosen}instance=~"$instance"}}'

    def query(self, name, labels=(), **having):
        """The rate of a counter by these labels; the highest value of a gauge."""
        which = self.selected(name, labels, **having)
        by = f" by ({', '.join(labels)}) " if labels else ""
        if self.table[name][0] == "counter":
            return f"sum{by}(rate({name}{which}[$__rate_interval]))"
        return f"max{by}({name}{which})"

    def lines(self, title, name, *labels, **having):
        """Curves of a metric, one a value of these labels."""
        kind, _, means = self.table[name]
        return curves(title, means, unit_of(name, kind), [(self.query(name, labels, **having), legend_of(labels) or name)])

    def percentiles(self, title, name, percentiles=PERCENTILES):
        buckets = f"sum by (le) (rate({name}_bucket{self.selected(name)}[$__rate_interval]))"
        queries = [(f"histogram_quantile({each}, {buckets})", f"{100 * each:g} %") for each in percentiles]
        return curves(title, self.table[name][2], unit_of(name, "histogram"), queries)

    def means(self, title, name, label):
        """Of a histogram: how much of it passes in a second, by the label."""
        which = self.selected(name, [label])
        query = f"sum by ({label}) (rate({name}_sum{which}[$__rate_interval]))"
        return curves(title, self.table[name][2], unit_of(name, "histogram"), [(query, legend_of([label]))])

    def heatmap(self, title, name):
        buckets = f"sum by (le) (increase({name}_bucket{self.selected(name)}[$__rate_interval]))"
        options = {
            "calculate": False,
            "color": SHADES,
            "exemplars": {"color": "orange"},
            "legend": {"show": False},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": True},
            "yAxis": {"unit": unit_of(name, "histogram")},
        }
        return panel("heatmap", title, self.table[name][2], [target(buckets, "{{le}}", format="heatmap")], options, {})

    def figure(self, title, name, bad, query=None, **having):
        """One number, which is red from `bad` on."""
        kind, _, means = self.table[name]
        return number(title, means, unit_of(name, kind), query or self.query(name, **having), [("green", None), ("red", bad)])

    def states(self, title, name, *labels, colour):
        """When the metric was 1, one band a value of the labels."""
        words = {"0": {"text": "no", "color": "transparent"}, "1": {"text": "yes", "color": colour}}
        runbook = {"title": "Runbook", "url": "${runbook}#${__field.labels.code}", "targetBlank": True}
        defaults = {"mappings": [{"type": "value", "options": words}], "links": [runbook] if "code" in labels else []}
        options = {
            "mergeValues": True, "rowHeight": 0.8, "showValue": "never",
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        }  # fmt: skip
        query = self.query(name, labels) + (" > 0" if "code" in labels else "")  # most troubles are never there
        return panel("state-timeline", title, self.table[name][2], [target(query, legend_of(labels))], options, defaults)


# ---- Grafana's objects ----


def legend_of(labels):
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def target(query, legend, **more):
    return {"datasource": SOURCE, "refId": "A", "expr": query, "legendFormat": legend, **more}


def panel(kind, title, means, targets, options, defaults):
    return {
        "type": kind, "title": title, "description": means, "datasource": SOURCE,
        "targets": [{**each, "refId": chr(ord("A") + i)} for i, each in enumerate(targets)],
        "options": options, "fieldConfig": {"defaults": defaults, "overrides": []},
    }  # fmt: skip


def curves(title, means, unit, queries):
    options = {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {"unit": unit, "min": 0, "custom": {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}}
    return panel("timeseries", title, means, [target(*each) for each in queries], options, defaults)


def number(title, means, unit, query, steps):
    options = {
        "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
        "percentChangeColorMode": "standard", "showPercentChange": False, "wideLayout": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    thresholds = {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps]}
    return panel("stat", title, means, [target(query, title)], options, {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}})


def rows(make):
    """(title, height, panels) from the top of the page on."""
    stop = f'count(max by (code) (allocd_trouble{make.selected("allocd_trouble", severity="stop")}) == 1) or vector(0)'
    up = 'sum(up{job="allocd", installation=~"$installation", instance=~"$instance"}) or vector(0)'
    yield "Now", 4, [
        number("Workers that answer", "Workers that Prometheus reaches.", "short", up, [("red", None), ("green", 1)]),
        make.figure("Troubles that stop work", "allocd_trouble", 1, stop),
        make.figure("Oldest message in the queue", "allocd_queue_oldest_age_seconds", 5),
        make.figure("Oldest unread entry", "allocd_stream_oldest_unread_age_seconds", 10),
        make.figure("Oldest unpublished event", "allocd_outbox_oldest_age_seconds", 10),
        make.figure("Dead letters", "allocd_dead_letters", 1),
    ]
    yield "Troubles", 8, [make.states("Troubles", "allocd_trouble", "code", colour="red")]
    yield "Messages", 8, [
        make.lines("By outcome", "allocd_messages_total", "outcome"),
        make.lines("By way", "allocd_messages_total", "way"),
        make.lines("By name", "allocd_messages_received_total", "message"),
    ]
    yield "Latency", 8, [
        make.heatmap("From receipt to commit", "allocd_message_duration_seconds"),
        make.percentiles("From receipt to commit", "allocd_message_duration_seconds"),
        make.percentiles("From publication to commit", "allocd_message_critical_seconds"),
    ]
    yield "Stages of a unit of work", 8, [
        make.means("Where time goes", "allocd_unit_stage_seconds", "stage"),
        make.percentiles("Messages in a unit of work", "allocd_unit_size_messages", (0.5, 0.99)),
        make.lines("Failures by cause", "allocd_unit_failures_total", "cause"),
    ]
    yield "Streams", 8, [
        make.lines("Age of the oldest unread entry", "allocd_stream_oldest_unread_age_seconds", "stream"),
        make.lines("Entries not delivered", "allocd_stream_lag_entries", "stream"),
        make.lines("Entries not acknowledged", "allocd_stream_pending_entries", "stream"),
        make.lines("Entries", "allocd_stream_entries_total", "stream", "what"),
    ]
    yield "Outbox", 8, [
        make.lines("Events by result", "allocd_events_total", "result"),
        make.lines("Rows that wait", "allocd_outbox_unpublished_rows", "instance"),
        make.lines("Age of the oldest row", "allocd_outbox_oldest_age_seconds", "instance"),
    ]
    yield "Dead letters", 8, [
        make.lines("Kept", "allocd_dead_letters"),
        make.lines("Added, by reason", "allocd_dead_letters_added_total", "reason"),
        make.lines("Rejections by reason", "allocd_rejections_total", "reason"),
    ]
    yield "Leases", 8, [
        make.lines("Holders of each lease", "allocd_leases", "name", "instance"),
        make.lines("Leases lost", "allocd_leases_lost_total", "instance"),
    ]
    yield "Servers", 8, [
        make.states("Connections", "allocd_connection_up", "to", "role", colour="green"),
        make.lines("Errors of the database by class", "allocd_database_errors_total", "class"),
        make.lines("Time without the subscription", "allocd_blind_seconds_total", "instance"),
    ]
    yield "HTTP and log", 8, [
        make.lines("Requests by status", "allocd_http_requests_total", "status"),
        make.percentiles("Time to the reply", "allocd_http_request_duration_seconds"),
        make.lines("Lines of the log by level", "allocd_log_lines_total", "level"),
    ]
    yield "Process", 8, [
        make.lines("CPU", "process_cpu_seconds_total", "instance"),
        make.lines("Resident memory", "process_resident_memory_bytes", "instance"),
        make.lines("File descriptors", "process_open_fds", "instance"),
    ]


def placed(make):
    """The rows with their panels, each at its place; ids count from 1."""
    top, found = 0, []
    for title, height, panels in rows(make):
        found.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": at(0, top, ALL_COLUMNS, 1)})
        width = ALL_COLUMNS // len(panels)
        found += [{**each, "gridPos": at(i * width, top + 1, width, height)} for i, each in enumerate(panels)]
        top += height + 1
    return [{"id": i + 1, **each} for i, each in enumerate(found)]


def at(x, y, width, height):
    return {"x": x, "y": y, "w": width, "h": height}


def choice(name, label, query, multi):
    """A variable with the values that a label has; at first with all of them, and with targets that lack the label."""
    text, value = (["All"], ["$__all"]) if multi else ("All", "$__all")
    return {
        "name": name, "label": label, "type": "query", "datasource": SOURCE, "refresh": 2, "sort": 1,
        "query": {"query": query, "refId": "A"},
        "multi": multi, "includeAll": True, "allValue": ".*",
        "current": {"text": text, "value": value},
    }  # fmt: skip


VARIABLES = [
    {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1},
    choice("installation", "Installation", "label_values(allocd_build_info, installation)", multi=False),
    choice("instance", "Worker", 'label_values(allocd_build_info{installation=~"$installation"}, instance)', multi=True),
    {
        "name": "runbook", "label": "Runbook", "type": "textbox", "query": "https://docs.example.com/allocd/operating.md",
        "description": "Where your team reads docs/operating.md: the links of the troubles lead there.",
    },
]  # fmt: skip


def dashboard(root):
    link = {
        "type": "link", "title": "Runbook", "url": "${runbook}", "tooltip": "docs/operating.md", "icon": "doc",
        "asDropdown": False, "includeVars": False, "keepTime": False, "tags": [], "targetBlank": True,
    }  # fmt: skip
    return {
        "uid": "allocd", "title": "allocd", "tags": ["allocd"], "editable": True, "schemaVersion": 39,
        "description": "The workers of allocd. Each panel describes its metric. Written by scripts/grafana_dashboard.py.",
        "time": {"from": "now-1h", "to": "now"}, "refresh": "15s", "graphTooltip": 1, "timezone": "browser",
        "templating": {"list": VARIABLES}, "links": [link], "panels": placed(Panels(root)),
    }  # fmt: skip


def file_text(root):
    return json.dumps(dashboard(root), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (ROOT / DASHBOARD).write_text(file_text(ROOT), encoding="utf-8")
