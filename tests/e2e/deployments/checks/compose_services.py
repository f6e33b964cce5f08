"""The services of Compose beside each other: their rights, their addresses, what is kept, and what is optional."""

from urllib.parse import urlsplit

import yaml
from shipped import check, fault, read

COMPOSE = "deploy/docker-compose.yml"
OBSERVERS = {"prometheus", "alertmanager", "grafana"}


def services(tree):
    return yaml.safe_load(read(tree, COMPOSE))["services"]


def ours(tree):
    return {name: service for name, service in services(tree).items() if service["image"] == "allocd"}


@check(COMPOSE)
def our_services_have_no_rights_that_they_do_not_need(tree):
    needed = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    assert ours(tree).keys() == {"migrate", "allocd-1", "allocd-2"}, list(ours(tree))
    for name, service in ours(tree).items():
        assert {each: service.get(each) for each in needed} == needed, f"{name} has more rights than it needs"


fault(COMPOSE, "  read_only: true\n", "", our_services_have_no_rights_that_they_do_not_need, "migrate has more rights")
fault(COMPOSE, "cap_drop: [ALL]", "cap_drop: [NET_RAW]", our_services_have_no_rights_that_they_do_not_need, "migrate has more rights")


@check(COMPOSE)
def the_workers_reach_the_servers_of_this_file_as_the_user_that_these_have(tree):
    there = services(tree)
    postgres = there["postgres"]["environment"]
    for name, service in ours(tree).items():
        settings = service["environment"]
        database, redis = urlsplit(settings["DATABASE_URL"]), urlsplit(settings["REDIS_URL"])
        assert {database.hostname, redis.hostname} == {"postgres", "redis"}, f"{name}: {database.hostname}, {redis.hostname}"
        # The image of Postgres makes a database of the user's name.
        assert database.username == postgres["POSTGRES_USER"] == database.path[1:], f"{name}: user {database.username}"
        assert settings["PGPASSWORD"] == postgres["POSTGRES_PASSWORD"], f"{name}: the password"


fault(COMPOSE, "allocd@postgres/", "allocd@database/", the_workers_reach_the_servers_of_this_file_as_the_user_that_these_have, "migrate: database, redis")
fault(COMPOSE, "POSTGRES_USER: allocd", "POSTGRES_USER: stock", the_workers_reach_the_servers_of_this_file_as_the_user_that_these_have, "user allocd")
fault(COMPOSE, "PGPASSWORD: $", "PGPASSWORD: x$", the_workers_reach_the_servers_of_this_file_as_the_user_that_these_have, "migrate: the password")


@check(COMPOSE)
def what_is_committed_outlives_the_containers(tree):
    there = services(tree)
    kept = {name: there[name].get("volumes", []) for name in ("postgres", "redis")}
    command = " ".join(there["redis"].get("command", []))

    assert kept == {"postgres": ["postgres:/var/lib/postgresql/data"], "redis": ["redis:/data"]}, kept
    assert "prometheus:/prometheus" in there["prometheus"]["volumes"], there["prometheus"]["volumes"]
    assert "--appendonly yes" in command and "--maxmemory-policy noeviction" in command, command
    assert "--encoding=UTF8" in there["postgres"]["environment"].get("POSTGRES_INITDB_ARGS", ""), "a worker needs UTF8"


fault(COMPOSE, "    volumes: [redis:/data]\n", "", what_is_committed_outlives_the_containers, "'redis': []")
fault(COMPOSE, "noeviction]", "allkeys-lru]", what_is_committed_outlives_the_containers, "--maxmemory-policy allkeys-lru")
fault(COMPOSE, "--encoding=UTF8 ", "", what_is_committed_outlives_the_containers, "a worker needs UTF8")


@check(COMPOSE)
def what_observes_is_started_on_request_alone(tree):
    of_profile = {name for name, service in services(tree).items() if service.get("profiles") == ["observe"]}

    assert of_profile == OBSERVERS, sorted(OBSERVERS ^ of_profile)


fault(COMPOSE, "    profiles: [observe]\n    image: grafana", "    image: grafana", what_observes_is_started_on_request_alone, "['grafana']")


@check(COMPOSE)
def what_observes_reads_our_files(tree):
    reads = {
        "prometheus": "./prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro",
        "alertmanager": "./prometheus/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro",
        "grafana": "./grafana/provisioning:/etc/grafana/provisioning:ro",
    }
    for name, mount in reads.items():
        assert mount in services(tree)[name].get("volumes", []), f"{name} does not read {mount.split(':')[0]}"


fault(COMPOSE, "/etc/alertmanager/alertmanager.yml:ro", "/etc/alertmanager.yml:ro", what_observes_reads_our_files, "alertmanager does not read")


@check(COMPOSE)
def grafana_shows_the_dashboard_to_this_machine_without_a_password(tree):
    grafana = services(tree)["grafana"]
    settings = {"GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"}

    assert grafana.get("environment") == settings, f"else admin has a known password: {grafana.get('environment')}"
    assert grafana.get("ports") == ["127.0.0.1:3000:3000"], grafana.get("ports")


fault(
    COMPOSE, '      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true"\n', "",
    grafana_shows_the_dashboard_to_this_machine_without_a_password, "known password",
)  # fmt: skip
