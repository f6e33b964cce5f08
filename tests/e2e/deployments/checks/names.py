"""What the files that ship, and README.md, name exists in the program's own tables, or in the repository."""

import functools
import json
import re
import subprocess

import grafana_dashboard  # made known by checks.grafana
from installation import ROOT, binary
from scrape import OF_HISTOGRAM
from shipped import FOLDERS, check, fault, read, shipped_files

README = "README.md"

# The ports of other programs.  Those of allocd, Redis and Postgres follow from the settings.
PORTS_OF_OTHERS = {
    "53": "DNS", "587": "mail", "3000": "Grafana", "5432": "Postgres", "9090": "Prometheus", "9093": "Alertmanager",
}  # fmt: skip
NO_METRICS = {"allocd_worker"}  # the role of the worker
NO_SETTINGS = {"ALLOCD_URL", "ALLOCD_DEV_URL"}  # of the clients of allocd-dev


# ---- the program's tables ----


@functools.cache
def said(*command):
    return subprocess.run([binary(), *command], capture_output=True, text=True, check=True).stdout


def metrics():
    return grafana_dashboard.metrics(ROOT)


@functools.cache
def settings():
    """{variable: its default}, with those that name a file of the setting's value."""
    known = {row["variable"]: row["default"] for row in map(json.loads, said("config", "--json").splitlines())}
    of_files = {variable: "" for variable in known if f"--{option_of(variable)}-file FILE" in said("help", "config")}
    return {**known, **{f"{variable}_FILE": "" for variable in of_files}}


def option_of(variable):
    return variable.removeprefix("ALLOCD_").lower().replace("_", "-")


@functools.cache
def commands():
    found = re.findall(r"^  ([a-z-]+(?: [a-z]+)?) {2,}\S", said("help"), re.M)
    assert {"run", "dead-letters list"} <= set(found)
    return found


@functools.cache
def options(command):
    return set(re.findall(r"--[a-z][a-z-]*", said("help", *command.split()))) | {"--help"}


@functools.cache
def routes():
    """Expressions for the paths that the program serves."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "entrypoints" / "http").glob("*.c"))
    paths = re.findall(r'\.(?:template|path) = "([^"]*)"', source)
    paths += [path for file in (ROOT / "schemas").glob("*.json") for path in re.findall(r'"path": "(/\w+)"', file.read_text(encoding="utf-8"))]
    assert {"/livez", "/events/{sku}", "/allocate"} <= set(paths), paths
    return [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in paths]


# ---- what the files name ----


def texts(tree):
    """{file: its text}"""
    return {path: read(tree, path) for path in [*shipped_files(), README]}


def unknown(tree, pattern, is_known):
    """[(file, name)] of the names that are in no table."""
    found = [(path, name) for path, text in texts(tree).items() for name in re.findall(pattern, text)]
    assert found, "nothing is named"
    return sorted({each for each in found if not is_known(each[1])})


@check(*FOLDERS, README)
def every_metric_exists(tree):
    known = metrics()
    missing = unknown(tree, r"\b(?:allocd|process)_[a-z_]+\b", lambda name: {name, OF_HISTOGRAM.sub("", name)} & {*known, *NO_METRICS})

    assert missing == [], missing


fault(
    "deploy/grafana/allocd.json", "max by (stream) (allocd_stream_lag_entries", "max by (stream) (allocd_stream_lag",
    every_metric_exists, "allocd_stream_lag'",
)  # fmt: skip
fault(
    "deploy/kubernetes/overlays/keda/scaledobject.yaml", "allocd_stream_oldest_unread_age_seconds", "allocd_stream_unread_age_seconds",
    every_metric_exists, "allocd_stream_unread_age_seconds",
)  # fmt: skip


@check(*FOLDERS, README)
def every_setting_exists(tree):
    known = {*settings(), *NO_SETTINGS}
    missing = unknown(tree, r"\b(?:ALLOCD_[A-Z_]*[A-Z]|(?:DATABASE|REDIS)_URL[A-Z_]*|OTEL_[A-Z_]*[A-Z])\b", known.__contains__)

    assert missing == [], missing


fault("deploy/kubernetes/base/statefulset.yaml", "name: REDIS_URL_FILE", "name: REDIS_URL_PATH", every_setting_exists, "REDIS_URL_PATH")
fault(README, "`ALLOCD_UNIT_MAX`", "`ALLOCD_UNIT_MAXIMUM`", every_setting_exists, "ALLOCD_UNIT_MAXIMUM")


def command_lines(path, text):
    """The words behind `allocd` where a file runs it, or an operator is to."""
    flat = re.sub(r'[][",]+', " ", text)
    ways = [r"`(?:build/)?allocd +([^`]+)`", r"^(?:--)? *(?:build/)?allocd +([a-z].*)$", r"\bCMD +allocd +(.*)$", r"^ExecStart=\S*/allocd +(.*)$"]
    if path.endswith("Dockerfile"):
        ways.append(r"^CMD +(?!allocd)(.*)$")
    if path.endswith((".yaml", ".yml")):
        ways.append(r"^ *(?:args|command): +((?!redis)[a-z].*)$")
    return [line.split("#")[0] for way in ways for line in re.findall(way, flat, re.M)]


def fault_of(line):
    """What is wrong with the words behind `allocd`, or nothing."""
    command = max((each for each in commands() if f"{line} ".startswith(f"{each} ")), key=len, default=None)
    if not command:
        return f"there is no command `{line.strip()}`"
    strange = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", line)) - options(command)
    return f"`{command}` has no {' '.join(sorted(strange))}" if strange else None


@check(*FOLDERS, README)
def every_command_and_option_exists(tree):
    lines = [(path, line) for path, text in texts(tree).items() for line in command_lines(path, text)]
    wrong = sorted({f"{path}: {fault_of(line)}" for path, line in lines if fault_of(line)})

    files = {path for path, _ in lines}
    assert {README, "deploy/allocd.service", "deploy/Dockerfile", "deploy/kubernetes/base/statefulset.yaml", "deploy/worker-role.sql"} <= files, files
    assert wrong == [], "\n".join(wrong)


fault("deploy/allocd.service", "/allocd run", "/allocd serve", every_command_and_option_exists, "there is no command `serve`")
fault(
    "deploy/kubernetes/base/statefulset.yaml", "--no-migrate", "--no-migration",
    every_command_and_option_exists, "`run` has no --no-migration",
)  # fmt: skip
fault(README, "`allocd outbox renew`", "`allocd outbox restore`", every_command_and_option_exists, "there is no command `outbox restore`")


@check(*FOLDERS, README)
def every_stream_exists(tree):
    """By the defaults of the settings; a range of streams begins with the name."""
    known = {settings()["ALLOCD_STREAM"], settings()["ALLOCD_EVENT_STREAM"]}
    missing = unknown(tree, r"\ballocd:[a-z]+\b(?!:)", known.__contains__)

    assert missing == [], missing


fault("deploy/kubernetes/overlays/keda/streams.env", "allocd:commands", "allocd:orders", every_stream_exists, "allocd:orders")


@check(*FOLDERS, README)
def every_channel_exists(tree):
    """What is published, and what looks like the name of an event, has a schema."""
    known = {file.stem for file in (ROOT / "schemas").glob("*.json")}
    missing = unknown(tree, r"(?m)(?<=allocd publish )[a-z_]+|(?<=^  sent  )[a-z_]+|(?<=^  event )[a-z_]+|\bline_[a-z]+\b", known.__contains__)

    assert missing == [], missing


fault(
    README, "  sent  change_batch_quantity batchref=shelf-049e", "  sent  change_quantity batchref=shelf-049e",
    every_channel_exists, "change_quantity",
)  # fmt: skip


@check(*FOLDERS, README)
def every_path_over_http_exists(tree):
    known = routes()
    found = r"(?:http://[\w.$-]+:5005|path: \"?|path: |`(?:GET|POST) )(/[\w/.{}-]*)"
    named = [(path, name) for path, text in texts(tree).items() if not path.endswith(".json") for name in re.findall(found, text)]
    missing = sorted({(path, name) for path, name in named if name not in OTHER_PATHS and not any(each.fullmatch(name) for each in known)})

    assert {"/livez", "/readyz", "/metrics"} <= {name for _, name in named}, named
    assert missing == [], missing


OTHER_PATHS = {"/spec/replicas", "/etc/grafana/dashboards"}

fault(
    "deploy/kubernetes/overlays/prometheus/servicemonitor.yaml", "path: /metrics", "path: /metric",
    every_path_over_http_exists, "/metric'",
)  # fmt: skip
fault(README, "`GET /events/SKU`", "`GET /history/SKU`", every_path_over_http_exists, "/history/SKU")


@check(*FOLDERS)
def every_port_is_known(tree):
    ours = {port for default in settings().values() for port in re.findall(r":(\d+)\b", default)}
    found = r"(?:[pP]ort: |[\w.]:|EXPOSE )(\d{2,5})\b(?!:\d|-)"
    missing = unknown_ports(tree, found, ours | PORTS_OF_OTHERS.keys())

    assert {"5005", "6379"} <= ours, ours
    assert missing == [], missing


def unknown_ports(tree, pattern, known):
    configuration = (".yml", ".yaml", ".env", "Dockerfile", ".service")
    texts_of = {path: read(tree, path) for path in shipped_files() if path.endswith(configuration)}
    code = {path: re.sub(r"^\s*#.*$|^USER .*$|^.*/etc/(?:passwd|group).*$|image: .*$", "", text, flags=re.M) for path, text in texts_of.items()}
    return sorted({(path, port) for path, text in code.items() for port in re.findall(pattern, text) if port not in known})


fault("deploy/Dockerfile", "EXPOSE 5005", "EXPOSE 5050", every_port_is_known, "5050")
fault("deploy/prometheus/prometheus.yml", "type: A, port: 5005", "type: A, port: 5555", every_port_is_known, "5555")


FILE = r"(?<![\w/.-])(?:\./)?((?:deploy|docs|scripts|src|tests|schemas|bench)/[\w./-]*[\w/](?:#[\w-]+)?)"


@check(*FOLDERS, README)
def every_file_of_the_project_exists(tree):
    """A heading that is named with it, too."""
    missing = unknown(tree, FILE, lambda name: exists(tree, name))

    assert missing == [], missing


def exists(tree, name):
    name, _, heading = name.partition("#")
    return (tree / name).exists() and (not heading or heading in links_to(tree, name))


def links_to(tree, name):
    """Headings as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", read(tree, name), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


fault(
    "deploy/prometheus/alerts.yml", "# Below: written by scripts/trouble_alerts.py", "# Below: written by scripts/alerts.py",
    every_file_of_the_project_exists, "scripts/alerts.py",
)  # fmt: skip
fault(
    "deploy/kubernetes/base/kustomization.yaml", "docs/kubernetes.md", "docs/kustomize.md",
    every_file_of_the_project_exists, "docs/kustomize.md",
)  # fmt: skip
