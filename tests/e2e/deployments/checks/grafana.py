"""What Grafana reads at its start: the data source, and where dashboards are."""

import yaml
from shipped import check, fault, read

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
