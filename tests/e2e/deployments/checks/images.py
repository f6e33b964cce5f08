"""The Dockerfile; test_image.py builds it."""

import re

from installation import binary
from shipped import accepts, check, fault, read

DOCKERFILE = "deploy/Dockerfile"


def of_the_image(tree):
    """The instructions of the last stage, each on one line."""
    text = read(tree, DOCKERFILE).replace("\\\n", " ")
    return [re.sub(r"\s+", " ", line) for line in text[text.rindex("\nFROM ") :].splitlines() if line and not line.startswith("#")]


def argument_of(instruction, tree):
    [argument] = [line.split(" ", 1)[1] for line in of_the_image(tree) if line.startswith(f"{instruction} ")]
    return argument


@check(DOCKERFILE)
def the_image_runs_as_a_number_that_no_host_gives_to_anyone(tree):
    """Debian's adduser ends at 59999, DynamicUser= of systemd at 65519; 65534 owns what has no owner."""
    user, group = map(int, argument_of("USER", tree).split(":"))

    assert user == group and 65519 < user < 65534, f"{user}:{group}"
    assert f"allocd:x:{user}:{user}:" in read(tree, DOCKERFILE), "the user's name in /etc/passwd"


fault(DOCKERFILE, "USER 65532:65532", "USER 0:0", the_image_runs_as_a_number_that_no_host_gives_to_anyone, "0:0")


@check(DOCKERFILE)
def the_image_listens_on_every_address_and_exposes_that_port(tree):
    exposed = argument_of("EXPOSE", tree)

    assert argument_of("ENV", tree) == f"ALLOCD_HTTP=0.0.0.0:{exposed}", f"EXPOSE {exposed}"


fault(DOCKERFILE, "EXPOSE 5005", "EXPOSE 8080", the_image_listens_on_every_address_and_exposes_that_port, "EXPOSE 8080")


@check(DOCKERFILE)
def no_shell_is_between_the_container_and_the_program(tree):
    """A shell would not pass SIGTERM on."""
    expected = {"ENTRYPOINT": '["allocd"]', "CMD": '["run"]', "STOPSIGNAL": "SIGTERM", "HEALTHCHECK": 'CMD ["allocd", "healthcheck"]'}
    for instruction, end in expected.items():
        assert argument_of(instruction, tree).endswith(end), f"{instruction} {argument_of(instruction, tree)}"
    accepts(binary(), "help", "healthcheck")


fault(DOCKERFILE, 'ENTRYPOINT ["allocd"]', "ENTRYPOINT allocd", no_shell_is_between_the_container_and_the_program, "ENTRYPOINT allocd")
fault(DOCKERFILE, 'CMD ["allocd", "healthcheck"]', "CMD allocd healthcheck", no_shell_is_between_the_container_and_the_program, "CMD allocd healthcheck")


@check(DOCKERFILE)
def the_image_installs_the_lists_of_dev(tree):
    sets = re.findall(r"/dev packages (\w+)", read(tree, DOCKERFILE))

    assert sets == ["build", "image"], sets


fault(DOCKERFILE, "dev packages image", "dev packages servers", the_image_installs_the_lists_of_dev, "'servers'")


@check(DOCKERFILE)
def the_labels_say_what_is_in_the_image(tree):
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', argument_of("LABEL", tree)))
    [version] = re.findall(r"^  version: '(.*)',$", read(tree, "meson.build"), re.M)
    [licence] = re.findall(r"^  license: '(.*)',$", read(tree, "meson.build"), re.M)

    assert (labels["title"], labels["version"], labels["licenses"]) == ("allocd", version, licence), labels
    assert (labels["revision"], labels["source"]) == ("$REVISION", "$SOURCE"), labels
    assert labels["description"], labels


fault(DOCKERFILE, 'version="0.1.0"', 'version="0.0.1"', the_labels_say_what_is_in_the_image, "'version': '0.0.1'")


@check(DOCKERFILE)
def the_image_has_the_licences_and_no_lists_of_packages(tree):
    copied = argument_of("RUN", tree)

    assert "COPY LICENSE NOTICE /usr/share/doc/allocd/" in of_the_image(tree), "COPY LICENSE NOTICE"
    assert "rm -rf" in copied and "/var/lib/apt/lists/*" in copied, copied


fault(DOCKERFILE, "COPY LICENSE NOTICE ", "COPY LICENSE ", the_image_has_the_licences_and_no_lists_of_packages, "COPY LICENSE NOTICE")
