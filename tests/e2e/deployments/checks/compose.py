"""The file of Compose: what it names must exist in the image, the program, the servers and beside it."""

import os
import pathlib
import re

import servers
import yaml
from installation import binary
from shipped import accepts, check, fault, read

COMPOSE = "deploy/docker-compose.yml"
DOCKERFILE = "deploy/Dockerfile"
PROMETHEUS = "deploy/prometheus/prometheus.yml"
PROVISIONING = "deploy/grafana/provisioning"
PASSWORD = {**os.environ, "POSTGRES_PASSWORD": "secret"}


def services(tree):
    return yaml.safe_load(read(tree, COMPOSE))["services"]


def workers(tree):
    return {name: service for name, service in services(tree).items() if service.get("command", [""])[0] == "run"}


@check(COMPOSE)
def docker_compose_accepts_the_file(tree):
    accepts("docker-compose", "--file", tree / COMPOSE, "--profile", "observe", "config", "--quiet", env=PASSWORD)


fault(COMPOSE, "stop_grace_period: 15s", "stop_grace: 15s", docker_compose_accepts_the_file, "allocd-1: 'stop_grace'")
fault(COMPOSE, "profiles: [observe]\n    image: grafana", "profiles: observe\n    image: grafana", docker_compose_accepts_the_file, "services.grafana.profiles")


@check(COMPOSE)
def each_service_is_watched_bounded_and_restarted(tree):
    for name, service in services(tree).items():
        assert re.fullmatch(r"\d+[mg]", service.get("mem_limit", "")), f"{name} has no mem_limit"
        if name == "migrate":
            assert service["restart"] == "no", "it is done once"
            continue
        assert service.get("restart") == "unless-stopped", f"{name}: restart"
        assert service.get("healthcheck", {}).get("test"), f"{name} has no healthcheck"


fault(COMPOSE, "mem_limit: 1g", "cpus: 1", each_service_is_watched_bounded_and_restarted, "postgres has no mem_limit")
fault(COMPOSE, 'restart: "no"', "restart: always", each_service_is_watched_bounded_and_restarted, "it is done once")


@check(COMPOSE)
def one_migration_precedes_the_workers_and_healthy_servers_precede_it(tree):
    there = services(tree)

    assert there["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}, there["migrate"]["depends_on"]
    assert len(workers(tree)) == 2, list(workers(tree))
    for name, worker in workers(tree).items():
        needs = {"migrate": {"condition": "service_completed_successfully"}, "redis": {"condition": "service_healthy"}}
        assert worker["depends_on"] == needs, f"{name}: {worker['depends_on']}"


fault(
    COMPOSE, "condition: service_completed_successfully", "condition: service_started",
    one_migration_precedes_the_workers_and_healthy_servers_precede_it, "allocd-1: {'migrate': {'condition': 'service_started'}",
)  # fmt: skip


@check(COMPOSE)
def the_workers_have_names_of_their_own_which_new_containers_keep(tree):
    for name, worker in workers(tree).items():
        assert worker.get("hostname") == name, f"{name}: hostname: {worker.get('hostname')}"
        assert "replicas" not in worker.get("deploy", {}), f"{name}: replicas have new names each time"


fault(
    COMPOSE, "hostname: allocd-2", "hostname: allocd-1",
    the_workers_have_names_of_their_own_which_new_containers_keep, "allocd-2: hostname: allocd-1",
)  # fmt: skip


@check(COMPOSE)
def our_services_are_built_from_our_dockerfile(tree):
    for name in ("migrate", *workers(tree)):
        build = services(tree)[name]["build"]
        found = pathlib.Path(tree / "deploy" / build["context"] / build["dockerfile"])
        assert found.is_file(), f"{name}: there is no {build['dockerfile']} in {build['context']}"


fault(COMPOSE, "dockerfile: deploy/Dockerfile", "dockerfile: Dockerfile", our_services_are_built_from_our_dockerfile, "no Dockerfile in ..")


@check(COMPOSE)
def the_program_knows_each_command_and_option(tree):
    for name in ("migrate", *workers(tree)):
        command, *options = services(tree)[name]["command"]
        page = accepts(binary(), "help", command)
        for option in options:
            assert re.search(rf"^  {re.escape(option)}\b", page, re.M), f"{name}: allocd {command} has no {option}"


fault(COMPOSE, "run, --no-migrate", "run, --no-migration", the_program_knows_each_command_and_option, "run has no --no-migration")
fault(COMPOSE, "command: [migrate]", "command: [migration]", the_program_knows_each_command_and_option, "migration")


@check(COMPOSE)
def the_program_accepts_each_setting(tree):
    kept = {name: value for name, value in os.environ.items() if not re.match("ALLOCD_|DATABASE_URL|REDIS_URL|PG", name)}
    for name in ("migrate", *workers(tree)):
        settings = {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for key, value in services(tree)[name]["environment"].items()}
        printed = accepts(binary(), "config", env={**kept, **settings})
        unknown = [each for each in settings if each != "PGPASSWORD" and not re.search(rf"^#?{each}=", printed, re.M)]
        assert unknown == [], f"{name}: {unknown}"


fault(COMPOSE, "ALLOCD_HTTP_OPEN:", "ALLOCD_HTTP_OPENED:", the_program_accepts_each_setting, "ALLOCD_HTTP_OPENED")
fault(COMPOSE, 'ALLOCD_HTTP_OPEN: "on"', 'ALLOCD_HTTP_OPEN: "open"', the_program_accepts_each_setting, "ALLOCD_HTTP_OPEN")


@check(COMPOSE)
def the_worker_has_time_to_drain_and_the_probe_is_that_of_the_image(tree):
    [probe] = re.findall(r'^HEALTHCHECK .* CMD (.*)$', read(tree, DOCKERFILE), re.M)
    for name, worker in workers(tree).items():
        assert int(worker["stop_grace_period"].removesuffix("s")) > 10, f"{name}: stop_grace_period: the drain takes 10 s"
        assert worker["healthcheck"]["test"] == ["CMD", *yaml.safe_load(probe)], f"{name}: healthcheck"


fault(
    COMPOSE, "stop_grace_period: 15s", "stop_grace_period: 10s",
    the_worker_has_time_to_drain_and_the_probe_is_that_of_the_image, "the drain takes 10 s",
)  # fmt: skip
fault(
    COMPOSE, "[CMD, allocd, healthcheck]", "[CMD, allocd, health]",
    the_worker_has_time_to_drain_and_the_probe_is_that_of_the_image, "healthcheck",
)  # fmt: skip


@check(COMPOSE)
def the_images_are_of_the_versions_that_the_tests_use(tree):
    """The major version of servers; the whole version of what has no promise across minor ones."""
    printed = {
        "postgres": [servers.postgres_tool("postgres"), "--version"],
        "redis": ["redis-cli", "--version"],
        "prometheus": ["promtool", "--version"],
        "alertmanager": ["amtool", "--version"],
    }
    for name, command in printed.items():
        version = re.search(r"\d+(\.\d+)+", accepts(*command)).group()
        tag = services(tree)[name]["image"].split(":")[1]
        assert tag in (version.split(".")[0], f"v{version}"), f"{name}: the image is {tag}, and the tests use {version}"


fault(COMPOSE, "image: postgres:15", "image: postgres:9", the_images_are_of_the_versions_that_the_tests_use, "postgres: the image is 9")
fault(COMPOSE, "alertmanager:v0.25.0", "alertmanager:v0.20.0", the_images_are_of_the_versions_that_the_tests_use, "the image is v0.20.0")


@check(COMPOSE)
def the_mounted_files_exist_where_their_readers_look(tree):
    mounts = {}
    for name, service in services(tree).items():
        for source, target, *_ in (mount.split(":") for mount in service.get("volumes", [])):
            mounts.setdefault(name, set()).add(target)
            assert not source.startswith(".") or (tree / "deploy" / source).exists(), f"{name}: there is no {source}"
    rules = [f"/etc/prometheus/{rule}" for rule in yaml.safe_load(read(tree, PROMETHEUS))["rule_files"]]
    [provider] = yaml.safe_load(read(tree, f"{PROVISIONING}/dashboards/allocd.yml"))["providers"]

    assert set(rules) <= mounts["prometheus"], rules
    assert f"{provider['options']['path']}/allocd.json" in mounts["grafana"], mounts["grafana"]


fault(COMPOSE, "./prometheus/alerts.yml:", "./prometheus/rules.yml:", the_mounted_files_exist_where_their_readers_look, "no ./prometheus/rules.yml")
fault(
    COMPOSE, ":/etc/grafana/dashboards/allocd.json", ":/var/lib/grafana/dashboards/allocd.json",
    the_mounted_files_exist_where_their_readers_look, "/var/lib/grafana/dashboards/allocd.json",
)  # fmt: skip


def ports(service):
    """{port of this machine: port of the container}; nothing else may reach them."""
    found = {}
    for address, of_host, of_container in (port.split(":") for port in service.get("ports", [])):
        assert address == "127.0.0.1", f"{address}:{of_host} is reached from elsewhere"
        found[int(of_host)] = int(of_container)
    return found


@check(COMPOSE)
def the_ports_are_those_that_the_services_listen_on_and_call(tree):
    [listens] = re.findall(r"^ENV ALLOCD_HTTP=0\.0\.0\.0:(\d+)$", read(tree, DOCKERFILE), re.M)
    example = yaml.safe_load(read(tree, PROMETHEUS))
    called = [each for job in example["scrape_configs"] for each in job["dns_sd_configs"]]
    called += [each for there in example["alerting"]["alertmanagers"] for each in there["dns_sd_configs"]]
    names = {(name, port) for each in called for name in each["names"] for port in [each["port"]]}
    source = yaml.safe_load(read(tree, f"{PROVISIONING}/datasources/prometheus.yml"))["datasources"][0]["url"]
    names.add((source.split("/")[2].split(":")[0], int(source.split(":")[2])))
    answered = {}
    for name, service in services(tree).items():
        for each in (name, *service.get("networks", {}).get("default", {}).get("aliases", [])):
            answered.setdefault(each, set()).update(ports(service).values())

    for worker in workers(tree).values():
        assert list(ports(worker).values()) == [int(listens)], f"the image listens on {listens}"
    for name, port in sorted(names):
        assert port in answered.get(name, ()), f"nothing answers at {name}:{port}"


fault(COMPOSE, "127.0.0.1:5006:5005", "127.0.0.1:5006:5006", the_ports_are_those_that_the_services_listen_on_and_call, "listens on 5005")
fault(COMPOSE, "127.0.0.1:9090:9090", "9090:9090:9090", the_ports_are_those_that_the_services_listen_on_and_call, "reached from elsewhere")
fault(COMPOSE, "  alertmanager:\n", "  alerts:\n", the_ports_are_those_that_the_services_listen_on_and_call, "nothing answers at alertmanager:9093")
