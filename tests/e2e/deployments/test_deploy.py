"""What the image, Compose and the program must agree on; checks/ has what needs no worker."""

import os
import pathlib
import platform
import re
import subprocess

import pytest
import yaml
from installation import ROOT, binary

DEPLOY = ROOT / "deploy"


def output_of(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def packages(which):
    return output_of(ROOT / "dev", "packages", which).split()


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())["services"]


def test_compose_uses_only_settings_that_exist(compose, parked):
    known = parked.run("config").stdout

    for name in compose["allocd"]["environment"]:
        assert name == "PGPASSWORD" or name in known


def test_the_health_probe_works_in_the_image(compose, parked):
    """Runs the probe of compose against a worker of the test."""
    _, program, *arguments = compose["allocd"]["healthcheck"]["test"]
    assert program == "allocd"
    assert parked.run(*arguments).returncode != 0, "no server listens yet"

    parked.start()

    assert parked.run(*arguments).returncode == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have no such note")
def test_every_object_is_built_with_control_flow_protection():
    """Checks the objects of the plain build; the linked program also depends on the distribution's start files."""
    objects = list((ROOT / "build" / "src").rglob("*.c.o"))
    notes = output_of("readelf", "-n", *objects)

    assert objects and notes.count("x86 feature: IBT, SHSTK") == len(objects)


def test_the_image_has_every_library_that_the_program_needs():
    """The Debian packages of the libraries, without the sanitizers', which are for tests only."""
    needed = re.findall(r"NEEDED.*\[(.*)\]", output_of("readelf", "-d", binary()))
    owners = {owner_of(library) for library in needed if not re.match("lib(asan|ubsan)", library)}

    assert owners - {"libc6"} <= set(packages("image"))


def owner_of(library):
    [path] = re.findall(rf"{re.escape(library)} .*=> (\S+)", output_of("ldconfig", "-p"))[:1]
    names = {path, str(pathlib.Path(path).resolve())} | {name.removeprefix("/usr") for name in (path,)}
    found = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True, check=False).stdout
    return found.split(":")[0]


def test_the_build_context_excludes_git_and_keeps_dev_executable():
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert ".git" in ignored and ".dev" in ignored
    assert os.access(ROOT / "dev", os.X_OK)
