"""The image, and the file of Compose."""

import re

import yaml
from shipped import check, fault, read

DOCKERFILE = "deploy/Dockerfile"
COMPOSE = "deploy/docker-compose.yml"


def services(tree):
    return yaml.safe_load(read(tree, COMPOSE))["services"]


@check(DOCKERFILE)
def the_image_runs_as_a_user_and_listens_on_every_address(tree):
    lines = read(tree, DOCKERFILE).splitlines()

    [user, group] = next(line for line in lines if line.startswith("USER ")).removeprefix("USER ").split(":")
    assert int(user) >= 10000 and int(group) >= 10000, f"{user}:{group}: must not be a user of the host's"
    assert "ENV ALLOCD_HTTP=0.0.0.0:5005" in lines
    assert 'ENTRYPOINT ["allocd"]' in lines, "a shell in between would not pass SIGTERM on"


fault(DOCKERFILE, "USER 10001:10001", "USER 0:0", the_image_runs_as_a_user_and_listens_on_every_address, "0:0: must not be")


@check(DOCKERFILE)
def the_image_installs_the_lists_of_dev(tree):
    sets = re.findall(r"/dev packages (\w+)", read(tree, DOCKERFILE))

    assert sets == ["build", "image"], sets


fault(DOCKERFILE, "dev packages image", "dev packages servers", the_image_installs_the_lists_of_dev, "'servers'")


@check(COMPOSE)
def compose_starts_allocd_after_healthy_servers(tree):
    there = services(tree)
    needed = there["allocd"]["depends_on"]

    assert needed == {name: {"condition": "service_healthy"} for name in ("postgres", "redis")}, needed
    assert all("healthcheck" in there[name] for name in needed)


fault(
    COMPOSE, "redis: {condition: service_healthy}", "redis: {condition: service_started}",
    compose_starts_allocd_after_healthy_servers, "service_started",
)  # fmt: skip


@check(COMPOSE)
def compose_builds_our_dockerfile(tree):
    build = services(tree)["allocd"]["build"]

    assert (tree / "deploy" / build["context"] / build["dockerfile"]).exists(), build


fault(COMPOSE, "dockerfile: deploy/Dockerfile", "dockerfile: Dockerfile", compose_builds_our_dockerfile, "Dockerfile")
