"""The manifests of Kubernetes."""

import json
import pathlib
import re
import sys
import tempfile

from installation import ROOT, binary
from kustomization import objects_of, only
from shipped import HERE, accepts, check, fault, read
from typed import fits, packages

sys.path.append(str(ROOT / "scripts"))

import trouble_alerts  # noqa: E402

FOLDER = "deploy/kubernetes"
BASE = f"{FOLDER}/base"
PROMETHEUS = f"{FOLDER}/overlays/prometheus"
KEDA = f"{FOLDER}/overlays/keda"
STATEFULSET = f"{BASE}/statefulset.yaml"
DRAIN_S = 10

MODELS = {"keda.sh": "@kubernetes-models/keda/", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/"}


def all_objects(tree):
    """Each overlay builds on the one before."""
    return objects_of(tree, KEDA)


def module_of(version):
    return f"{MODELS.get(version.split('/')[0], 'kubernetes-models/')}{version}"


# ---- kustomize ----


@check(FOLDER)
def each_kustomization_has_the_files_of_its_folder(tree):
    for folder in (BASE, PROMETHEUS, KEDA):
        objects_of(tree, folder)


fault(
    f"{BASE}/kustomization.yaml", "pdb.yaml, ", "",
    each_kustomization_has_the_files_of_its_folder, "base/kustomization.yaml: ['pdb.yaml']",
)  # fmt: skip
fault(
    f"{PROMETHEUS}/kustomization.yaml", "prometheusrule.yaml", "prometheusrules.yaml",
    each_kustomization_has_the_files_of_its_folder, "['prometheusrule.yaml', 'prometheusrules.yaml']",
)  # fmt: skip
fault(
    f"{KEDA}/kustomization.yaml", "target: {kind: StatefulSet, name: allocd}", "target: {kind: Deployment, name: allocd}",
    each_kustomization_has_the_files_of_its_folder, "Deployment allocd is there 0 times",
)  # fmt: skip


# ---- the schemas ----


@check(FOLDER)
def the_objects_fit_the_types_of_kubernetes(tree):
    """The types refuse misspelt members, which the models allow."""
    types, objects = "", {}
    for number, each in enumerate(all_objects(tree)):
        types += f'import type {{ I{each["kind"]} as Of_o{number} }} from "{module_of(each["apiVersion"])}/{each["kind"]}";\n'
        objects[f"o{number}"] = each
    fits(types, **objects)


fault(
    f"{BASE}/pdb.yaml", "maxUnavailable", "maxUnavailible",
    the_objects_fit_the_types_of_kubernetes, "'\"maxUnavailible\"' does not exist in type",
)  # fmt: skip


@check(FOLDER)
def the_objects_fit_the_models_of_kubernetes(tree):
    """The models know ranges and formats, which the types do not."""
    objects = [[f"{module_of(each['apiVersion'])}/{each['kind']}", each["kind"], each] for each in all_objects(tree)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "node_modules").symlink_to(packages())
        (folder / "objects.json").write_text(json.dumps(objects), encoding="utf-8")
        (folder / "models.mjs").write_text(read(HERE, "models.mjs"), encoding="utf-8")
        accepts("node", "models.mjs", "objects.json", cwd=folder)


fault(
    f"{PROMETHEUS}/servicemonitor.yaml", "interval: 15s", "interval: 15 seconds",
    the_objects_fit_the_models_of_kubernetes, "ServiceMonitor allocd",
)  # fmt: skip


# ---- what the objects say of each other ----


@check(FOLDER)
def the_objects_refer_to_each_other(tree):
    objects = all_objects(tree)
    workers = only(objects, "StatefulSet", "allocd")["spec"]
    pod = workers["template"]["spec"]
    labels = workers["template"]["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}

    for selector in selectors(objects):
        assert selector == labels, f"{selector}: no pod has these labels"
    assert pod["serviceAccountName"] == only(objects, "ServiceAccount", "allocd")["metadata"]["name"]
    assert only(objects, "Service", workers["serviceName"])["spec"].get("clusterIP") == "None", "serviceName: it must be headless"
    for container in pod["initContainers"] + pod["containers"]:
        for source in container["envFrom"]:
            only(objects, "ConfigMap", source["configMapRef"]["name"])
        for name, path in files(container).items():
            assert path in mounted(pod, container), f"{container['name']}: {name}: no volume has {path}"
    for name in named_ports(objects):
        assert name in ports, f"no container has a port {name}"
    target = only(objects, "ScaledObject", "allocd")["spec"]["scaleTargetRef"]
    assert only(objects, target["kind"], target["name"])["apiVersion"] == target["apiVersion"]


def selectors(objects):
    for each in objects:
        spec = each.get("spec", {})
        for selector in (spec.get("selector"), spec.get("podSelector")):
            if selector:
                yield selector.get("matchLabels", selector)
        for spread in spec.get("template", {}).get("spec", {}).get("topologySpreadConstraints", []):
            yield spread["labelSelector"]["matchLabels"]


def named_ports(objects):
    text = json.dumps(objects)
    return set(re.findall(r'"(?:port|targetPort)": "(\w+)"', text))


def files(container):
    """{variable: file} of the settings that name one."""
    return {each["name"]: each["value"] for each in container["env"] if each["name"].endswith("_FILE")}


def mounted(pod, container):
    """The files of secrets that the container finds."""
    volumes = {volume["name"]: volume["secret"]["items"] for volume in pod["volumes"]}
    return {f"{mount['mountPath']}/{item['path']}" for mount in container["volumeMounts"] for item in volumes[mount["name"]]}


fault(STATEFULSET, "serviceName: allocd-workers", "serviceName: allocd", the_objects_refer_to_each_other, "it must be headless")
fault(
    STATEFULSET, "value: /run/secrets/allocd/redis-url", "value: /run/secrets/redis-url",
    the_objects_refer_to_each_other, "REDIS_URL_FILE: no volume has",
)  # fmt: skip
fault(
    f"{BASE}/service.yaml",
    "  clusterIP: None\n  selector: {app.kubernetes.io/name: allocd}",
    "  clusterIP: None\n  selector: {app: allocd}",
    the_objects_refer_to_each_other, "no pod has these labels",
)  # fmt: skip
fault(
    f"{BASE}/networkpolicy.yaml",
    "podSelector:\n    matchLabels: {app.kubernetes.io/name: allocd}",
    "podSelector:\n    matchLabels: {app: allocd}",
    the_objects_refer_to_each_other, "no pod has these labels",
)  # fmt: skip
fault(
    f"{BASE}/serviceaccount.yaml", "name: allocd", "name: worker",
    the_objects_refer_to_each_other, "ServiceAccount allocd is there 0 times",
)  # fmt: skip


# ---- what they ask of the worker and the cluster ----


@check(FOLDER)
def the_program_accepts_the_settings(tree):
    """With the variables and the arguments of each container, and files in place of the secrets."""
    for folder in (BASE, KEDA):
        objects = objects_of(tree, folder)
        pod = only(objects, "StatefulSet", "allocd")["spec"]["template"]["spec"]
        for container in pod["initContainers"] + pod["containers"]:
            with tempfile.TemporaryDirectory() as secrets:
                settings = dict(only(objects, "ConfigMap", "allocd")["data"])
                for name, path in files(container).items():
                    settings[name] = secret = f"{secrets}/{pathlib.PurePath(path).name}"
                    pathlib.Path(secret).write_text(SECRETS[name], encoding="utf-8")
                    pathlib.Path(secret).chmod(0o440)
                said = accepts(binary(), "config", "--check", env=settings)
            assert re.fullmatch(r"all \d+ settings are valid\n", said), said


TOKEN = "a-token-of-32-characters-0123456"
SECRETS = {
    "DATABASE_URL_FILE": "postgresql://allocd@postgres/allocd", "REDIS_URL_FILE": "redis://redis:6379/0",
    "ALLOCD_HTTP_TOKEN_FILE": TOKEN, "ALLOCD_ADMIN_TOKEN_FILE": TOKEN,
}  # fmt: skip

fault(f"{BASE}/settings.env", "ALLOCD_LOG_FORMAT=json", "ALLOCD_LOG_FORM=json", the_program_accepts_the_settings, "unknown setting")
fault(f"{BASE}/settings.env", "ALLOCD_HTTP=0.0.0.0:5005", "ALLOCD_HTTP=5005", the_program_accepts_the_settings, "ALLOCD_HTTP")
fault(f"{KEDA}/streams.env", "[0-7]", "[0-70]", the_program_accepts_the_settings, "ALLOCD_STREAM")


@check(STATEFULSET, "deploy/Dockerfile")
def the_pods_are_restricted(tree):
    """By the Pod Security Standard `restricted`, with a root that is read only, and as the user of the image."""
    pod = only(objects_of(tree, BASE), "StatefulSet", "allocd")["spec"]["template"]["spec"]
    user = int(re.search(r"^USER (\d+):", read(tree, "deploy/Dockerfile"), re.M).group(1))

    ours = {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["securityContext"] == ours, f"{pod['securityContext']}, but the user of the image is {user}"
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not pod["automountServiceAccountToken"]
    for container in pod["initContainers"] + pod["containers"]:
        none = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == none, f"{container['name']}: {container['securityContext']}"
        assert all(port.keys() == {"name", "containerPort"} for port in container.get("ports", [])), "no port of the host's"
    assert all(volume.keys() == {"name", "secret"} for volume in pod["volumes"])


fault(STATEFULSET, "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", the_pods_are_restricted, "Unconfined")
fault(STATEFULSET, "runAsUser: 65532", "runAsUser: 10001", the_pods_are_restricted, "but the user of the image is 65532")


@check(STATEFULSET)
def a_pod_ends_later_than_its_worker_drains(tree):
    pod = only(objects_of(tree, BASE), "StatefulSet", "allocd")["spec"]["template"]["spec"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] > waits + DRAIN_S, f"the drain may begin after {waits} s and take {DRAIN_S} s"


fault(
    STATEFULSET, "terminationGracePeriodSeconds: 20", "terminationGracePeriodSeconds: 15",
    a_pod_ends_later_than_its_worker_drains, "the drain may begin after 5 s",
)  # fmt: skip


@check(KEDA)
def keda_keeps_two_workers_and_starts_no_more_than_there_are_streams(tree):
    objects = objects_of(tree, KEDA)
    scaled = only(objects, "ScaledObject", "allocd")["spec"]
    first, last = re.fullmatch(r"[\w:]+\[(\d+)-(\d+)\]", only(objects, "ConfigMap", "allocd")["data"]["ALLOCD_STREAM"]).groups()

    assert scaled["minReplicaCount"] >= 2, "never to zero, and one may fail"
    assert scaled["maxReplicaCount"] <= int(last) - int(first) + 1, "a stream has one reader"
    assert scaled["minReplicaCount"] <= scaled["fallback"]["replicas"] <= scaled["maxReplicaCount"]
    for trigger in scaled["triggers"]:
        assert trigger["type"] == "prometheus", trigger
        assert trigger["metadata"].keys() - {"ignoreNullValues"} == {"serverAddress", "query", "threshold"}, trigger
        assert float(trigger["metadata"]["threshold"]) > 0


fault(
    f"{KEDA}/scaledobject.yaml", "minReplicaCount: 2", "minReplicaCount: 0",
    keda_keeps_two_workers_and_starts_no_more_than_there_are_streams, "never to zero",
)  # fmt: skip
fault(f"{KEDA}/streams.env", "[0-7]", "[0-3]", keda_keeps_two_workers_and_starts_no_more_than_there_are_streams, "a stream has one reader")
fault(
    f"{KEDA}/scaledobject.yaml", 'threshold: "5"', 'treshold: "5"',
    keda_keeps_two_workers_and_starts_no_more_than_there_are_streams, "treshold",
)  # fmt: skip


@check(KEDA)
def the_queries_of_keda_are_of_one_installation_and_leave_out_what_is_unknown(tree):
    """Two workers show the same streams; Redis does not know the entries of stream 2; another installation is far behind."""
    age, lag = (trigger["metadata"]["query"] for trigger in only(objects_of(tree, KEDA), "ScaledObject", "allocd")["spec"]["triggers"])
    first = {"stream": "allocd:commands1", "instance": "allocd-0", "installation": "stock"}
    known = [first, {**first, "instance": "allocd-1"}, {**first, "stream": "allocd:commands3"}]
    unknown, other = {**first, "stream": "allocd:commands2"}, {**first, "installation": "other"}
    ages = [*((labels, 12) for labels in known), (unknown, "NaN"), (other, 1000)]
    lags = [*((labels, 25000) for labels in known), (unknown, "NaN"), (other, 1000000)]

    tests = [
        expect(age, "allocd_stream_oldest_unread_age_seconds", ages, [12]),
        expect(lag, "allocd_stream_lag_entries", lags, [50000]),
        expect(lag, "allocd_stream_lag_entries", [(unknown, "NaN")], [0]),  # the age alone decides then
        expect(age, "allocd_stream_oldest_unread_age_seconds", [(other, 1000)], []),  # KEDA is to say that there is no answer
    ]
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "tests.yml"
        file.write_text(json.dumps({"evaluation_interval": "15s", "tests": tests}), encoding="utf-8")
        accepts("promtool", "test", "rules", file)


def expect(query, metric, samples, values):
    """A test for promtool: what the query answers when these are the only series."""
    series = [
        {"series": f"{metric}{{{','.join(f'{label}=' + json.dumps(text) for label, text in {'job': 'allocd', **labels}.items())}}}", "values": str(value)}
        for labels, value in samples
    ]
    expected = [{"labels": "{}", "value": value} for value in values]
    return {"interval": "15s", "input_series": series, "promql_expr_test": [{"expr": query, "eval_time": "0s", "exp_samples": expected}]}


SCALED = f"{KEDA}/scaledobject.yaml"
QUERIES_OF_KEDA = the_queries_of_keda_are_of_one_installation_and_leave_out_what_is_unknown

fault(SCALED, 'allocd_stream_lag_entries{job="allocd", installation="stock"}', 'allocd_stream_lag_entries{job="allocd"}', QUERIES_OF_KEDA, "1.025E+06")
fault(SCALED, 'allocd_stream_lag_entries{job="allocd", installation="stock"} >= 0', 'allocd_stream_lag_entries{job="allocd", installation="stock"}', QUERIES_OF_KEDA, "NaN")
fault(SCALED, " or vector(0)", "", QUERIES_OF_KEDA, "nil")


@check(f"{PROMETHEUS}/prometheusrule.yaml")
def the_alerts_for_kubernetes_are_those_for_prometheus(tree):
    assert read(tree, f"{PROMETHEUS}/prometheusrule.yaml") == trouble_alerts.rule_text(tree), "run scripts/trouble_alerts.py"


fault(
    f"{PROMETHEUS}/prometheusrule.yaml", '(up{job="allocd"} == 1)', '(up{job="allocd"})',
    the_alerts_for_kubernetes_are_those_for_prometheus, "run scripts/trouble_alerts.py",
)  # fmt: skip
