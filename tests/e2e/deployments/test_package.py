"""Debian's packages: they build, lintian accepts them, and their whole life passes in a fresh root."""

import os
import re
import shutil
import subprocess

import pytest
from buildah import base_root
from documents import broken_links
from installation import ROOT

MINUTES = 15
VERSION = re.match(r"allocd \((.*?)\)", (ROOT / "debian" / "changelog").read_text(encoding="utf-8"))[1]
NEXT_VERSION = f"{VERSION}+next"


def run(*command, **more):
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60 * MINUTES, **more
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with the packages, built from what git knows."""
    folder = tmp_path_factory.mktemp("packages")
    source = folder / "allocd"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOCD_", "ASAN", "UBSAN"))}
    run("dpkg-buildpackage", "--build=binary", "--unsigned-source", "--unsigned-changes", cwd=source, env=environment)
    shutil.rmtree(source)
    return folder


@pytest.fixture(scope="module")
def next_packages(packages, tmp_path_factory):
    """The same packages with a later version, and with a line more in the settings, as an upgrade may have it."""
    folder = tmp_path_factory.mktemp("next")
    for package in packages.glob("*.deb"):
        if "dbgsym" in package.name:
            continue
        tree = folder / package.stem
        run("dpkg-deb", "-R", package, tree)
        control = tree / "DEBIAN" / "control"
        control.write_text(control.read_text().replace(VERSION, NEXT_VERSION))
        if (settings := tree / "etc/default/allocd").exists():
            settings.write_text(settings.read_text() + "# A line of the next version.\n")
        run("dpkg-deb", "--root-owner-group", "-b", tree, folder / package.name.replace(VERSION, NEXT_VERSION))
        shutil.rmtree(tree)
    return folder


def test_lintian_finds_neither_errors_nor_warnings(packages):
    [changes] = packages.glob("*.changes")

    run("lintian", "--allow-root", "--fail-on", "error,warning", changes)


def test_the_documents_of_the_package_link_to_nothing_that_it_lacks(packages, tmp_path):
    [package] = packages.glob("allocd_*.deb")
    run("dpkg-deb", "-x", package, tmp_path)
    documents = list((tmp_path / "usr/share/doc/allocd").rglob("*.md"))

    assert documents
    assert {path.name: broken for path in documents if (broken := broken_links(path))} == {}


def test_the_packages_install_work_upgrade_and_leave_nothing_behind(packages, next_packages, tmp_path):
    share = tmp_path / "share"
    for name, folder in (("old", packages), ("new", next_packages)):
        (share / name).mkdir(parents=True)
        for package in folder.glob("*.deb"):
            if "dbgsym" not in package.name:
                shutil.copy(package, share / name)

    said = run(
        ROOT / "scripts" / "bare_root.sh", "--base", base_root(), "--share", share, "--timeout", str(30 * MINUTES),
        "tests/e2e/deployments/package_life.sh", "/share/old", "/share/new",
    )  # fmt: skip

    assert re.findall("^== (.*)$", said, re.MULTILINE)[-1] == "done", said
