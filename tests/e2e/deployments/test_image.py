"""The image of deploy/Dockerfile is built, and its worker does its main job in the image's own root."""

import os
import pathlib
import re
import subprocess

import pytest
from buildah import copy_of_the_source, reason_against, running_buildah
from installation import ROOT, binary, wait_until

REVISION = "0123456789ab"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def buildah():
    if reason := reason_against():
        pytest.skip(f"no image is built: {reason}")
    with running_buildah() as there:
        yield there


@pytest.fixture(scope="module")
def image(buildah, tmp_path_factory):
    context = tmp_path_factory.mktemp("context")
    copy_of_the_source(context)
    buildah.make_base("debian:12-slim")
    buildah.build(context, "allocd", "--format", "docker", "--build-arg", f"REVISION={REVISION}")
    return "allocd"


@pytest.fixture(scope="module")
def config(buildah, image):
    return buildah.inspect(image)


@pytest.fixture(scope="module")
def container(buildah, image):
    return buildah("from", "--pull-never", image)


@pytest.fixture(scope="module")
def root(buildah, container):
    return pathlib.Path(buildah("mount", container))


@pytest.fixture
def contained(tmp_path, parked, config, root, postgres_proxy):
    """An installation whose program runs in the image's root, as the image's user, with the image's environment."""
    program = tmp_path / "allocd"
    settings = " ".join(each for each in config["Env"] if not each.startswith("ALLOCD_HTTP="))  # the test has a port of its own
    into = f"chroot --userspec={config['User']} {root} env {settings}"
    program.write_text(f'#!/bin/sh\nexec {into} {" ".join(config["Entrypoint"])} "$@"\n')
    program.chmod(0o755)
    parked.program = str(program)
    parked.settings["DATABASE_URL"] = postgres_proxy.url
    return parked


def test_the_program_runs_in_a_container_and_its_user_is_not_root(buildah, container):
    version = buildah("run", container, "--", "allocd", "version")

    assert version.splitlines()[0].startswith("allocd ") and REVISION in version
    assert int(buildah("run", container, "--", "id", "-u")) != 0


def test_the_worker_of_the_image_allocates(contained, config):
    probe = config["Healthcheck"]["Test"]
    assert probe[:2] == ["CMD", *config["Entrypoint"]]
    assert contained.run(*probe[2:]).returncode == 1, "no worker runs yet"

    contained.start()
    events = contained.listen()
    contained.stock("lamp", shelf=10)
    contained.allocate("lamp", "order-1", 3)

    events.expect("line_allocated", orderid="order-1", sku="lamp", qty=3, batchref="shelf")
    assert contained.run(*probe[2:]).returncode == 0
    assert contained.stop() == 0, "SIGTERM reaches the worker, which ends in order"


def test_a_worker_without_a_database_is_unhealthy(contained, config):
    contained.settings["DATABASE_URL"] = "postgresql://allocd@127.0.0.1:1/allocd"
    contained.launch()
    wait_until(lambda: contained.readiness(), "the worker to answer")

    assert contained.run(*config["Healthcheck"]["Test"][2:]).returncode == 1


def test_the_image_says_what_it_is(config):
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}

    assert f"version: '{labels['version']}'," in (ROOT / "meson.build").read_text()
    assert labels["revision"] == REVISION
    assert config["StopSignal"] == "SIGTERM" and config["ExposedPorts"] == {"5005/tcp": {}}


def test_only_what_runs_is_in_the_image(root):
    compilers = [name for name in ("cc", "gcc", "ninja", "meson", "allocd-dev", "allocd-bench") if (root / "usr/bin" / name).exists()]
    left = [path for place in ("var/lib/apt/lists", "var/cache/apt", "var/log", "tmp", "src", "build") for path in (root / place).glob("*")]

    assert (compilers, left) == ([], [])
    assert sorted(os.listdir(root / "usr/share/doc/allocd")) == ["LICENSE", "NOTICE"]


def test_the_list_of_dev_names_every_library_of_the_program():
    """The Debian packages of the libraries, without the sanitizers', which are for tests only."""
    needed = re.findall(r"NEEDED.*\[(.*)\]", output_of("readelf", "-d", binary()))
    owners = {owner_of(library) for library in needed if not re.match("lib(asan|ubsan)", library)}

    assert owners - {"libc6"} <= set(output_of(ROOT / "dev", "packages", "image").split())


def owner_of(library):
    [path] = re.findall(rf"{re.escape(library)} .*=> (\S+)", output_of("ldconfig", "-p"))[:1]
    names = {path, str(pathlib.Path(path).resolve())} | {name.removeprefix("/usr") for name in (path,)}
    found = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True, check=False).stdout
    return found.split(":")[0]


def test_the_build_context_excludes_git_and_keeps_dev_executable():
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert ".git" in ignored and ".dev" in ignored
    assert os.access(ROOT / "dev", os.X_OK)
