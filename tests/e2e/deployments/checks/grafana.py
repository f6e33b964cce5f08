"""The dashboard, and what Grafana reads at its start: the data source, and where dashboards are."""

import json
import sys
import tempfile

import yaml
from installation import ROOT
from shipped import HERE, accepts, check, fault, read
from typed import fits

sys.path.append(str(ROOT / "scripts"))

import grafana_dashboard  # noqa: E402

DATA_SOURCE = "deploy/grafana/provisioning/datasources/prometheus.yml"
PROVIDER = "deploy/grafana/provisioning/dashboards/allocd.yml"

# Members of Grafana's documentation, "Provision Grafana": it ignores others.
DOCUMENTED = {
    "datasources": {"name", "uid", "type", "access", "orgId", "url", "isDefault", "jsonData", "secureJsonData", "version", "editable"},
    "providers": {"name", "orgId", "folder", "folderUid", "type", "disableDeletion", "updateIntervalSeconds", "allowUiUpdates", "options"},
}


@check(DATA_SOURCE, PROVIDER)
def grafana_knows_each_member_of_its_provisioning(tree):
    for path, what in ((DATA_SOURCE, "datasources"), (PROVIDER, "providers")):
        file = yaml.safe_load(read(tree, path))
        assert file.keys() == {"apiVersion", what} and file["apiVersion"] == 1, f"{path}: {list(file)}"
        [only] = file[what]
        assert not only.keys() - DOCUMENTED[what], f"{path}: {only.keys() - DOCUMENTED[what]}"


fault(DATA_SOURCE, "isDefault", "default", grafana_knows_each_member_of_its_provisioning, "prometheus.yml: {'default'}")
fault(PROVIDER, "allowUiUpdates", "allowUIUpdates", grafana_knows_each_member_of_its_provisioning, "allocd.yml: {'allowUIUpdates'}")


# ---- the dashboard ----

DASHBOARD = "deploy/grafana/allocd.json"
METRICS = "docs/metrics.md"

# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "1m", "$installation": ".*", "$instance": ".*"}


@check(DASHBOARD, METRICS)
def the_dashboard_is_the_one_that_the_table_of_metrics_gives(tree):
    assert read(tree, DASHBOARD) == grafana_dashboard.file_text(tree), "run scripts/grafana_dashboard.py"


fault(
    DASHBOARD, "max by (stream) (allocd_stream_lag_entries", "sum by (stream) (allocd_stream_lag_entries",
    the_dashboard_is_the_one_that_the_table_of_metrics_gives, "run scripts/grafana_dashboard.py",
)  # fmt: skip
fault(
    METRICS, "| `allocd_stream_lag_entries` | gauge |", "| `allocd_stream_lag_entries` | counter |",
    the_dashboard_is_the_one_that_the_table_of_metrics_gives, "run scripts/grafana_dashboard.py",
)  # fmt: skip


@check(DASHBOARD)
def prometheus_can_read_each_query_of_the_dashboard(tree):
    queries = [target["expr"] for panel in panels(tree) for target in panel.get("targets", [])]
    for name, value in VARIABLES.items():
        queries = [query.replace(name, value) for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]

    assert len(rules) > 30
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        accepts("promtool", "check", "rules", file.name)


fault(
    DASHBOARD, "max by (stream) (allocd_stream_lag_entries", "max by stream (allocd_stream_lag_entries",
    prometheus_can_read_each_query_of_the_dashboard, "could not parse",
)  # fmt: skip


@check(DASHBOARD)
def the_dashboard_fits_the_schema_of_grafana(tree):
    types = (HERE / "dashboard.mts").read_text(encoding="utf-8")
    fits(types, dashboard=json.loads(read(tree, DASHBOARD)))


fault(DASHBOARD, '"yHistogram"', '"histogram"', the_dashboard_fits_the_schema_of_grafana, '"histogram"\' does not exist in type')


@check(DASHBOARD)
def panels_have_places_of_their_own(tree):
    ids = [panel["id"] for panel in panels(tree)]
    cells = [cell for panel in panels(tree) for cell in cells_of(panel["title"], **panel["gridPos"])]
    taken = {}

    assert len(set(ids)) == len(ids)
    for title, cell in cells:
        assert cell not in taken, f"{title} covers {taken[cell]}"
        assert cell[0] < grafana_dashboard.ALL_COLUMNS, f"{title} is too far to the right"
        taken[cell] = title


def panels(tree):
    return json.loads(read(tree, DASHBOARD))["panels"]


def cells_of(title, x, y, w, h):
    return [(title, (x + column, y + line)) for column in range(w) for line in range(h)]


fault(DASHBOARD, '"y": 0,', '"y": 1,', panels_have_places_of_their_own, "covers")
