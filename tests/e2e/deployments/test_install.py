"""What `meson install` installs, and what a build needs and has with its options."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest
from built import ASCII, PROGRAMS, build_directory, options, output_of
from documents import broken_links
from installation import ROOT

SETTINGS_FILE = "/etc/default/allocd"
TAGS = ("runtime", "man", "doc")


def unit_directory():
    """Where systemd.pc says; a build without it installs under its prefix."""
    asked = subprocess.run(
        ["pkg-config", "--variable=systemdsystemunitdir", "systemd"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or f"{options(build_directory())['prefix']}/lib/systemd/system"


@pytest.fixture(scope="module")
def expected():
    """A tag and a pattern of paths for each line of the list."""
    lines = (pathlib.Path(__file__).parent / "installed.txt").read_text().splitlines()
    prefix = options(build_directory())["prefix"]
    rows = [line.split() for line in lines if not line.startswith("#")]
    return [(tag, path.replace("UNITS", unit_directory()) if path.startswith("UNITS") else f"{prefix}/{path}") for tag, path in rows]


def matches(pattern, path):
    parts = {"**": ".+", "*": "[^/]+"}
    expression = "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*+)", pattern))
    return re.fullmatch(expression, path)


def install(root, *arguments):
    output_of("meson", "install", "--no-rebuild", "-C", build_directory(), "--destdir", root, *arguments)
    return {f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir()}


def test_everything_is_installed_where_the_list_says_and_nothing_else(tmp_path, expected):
    installed = install(tmp_path)

    unlisted = {path for path in installed if not any(matches(pattern, path) for _tag, pattern in expected)}
    missing = [pattern for _tag, pattern in expected if not any(matches(pattern, path) for path in installed)]
    assert (unlisted, missing) == (set(), [])


def test_the_installed_documents_link_to_nothing_that_is_not_installed(tmp_path):
    documents = [tmp_path / path[1:] for path in install(tmp_path, "--tags", "doc") if path.endswith(".md")]

    assert {path.name: broken for path in documents if (broken := broken_links(path))} == {}


def test_the_list_has_no_other_tags(expected):
    assert {tag for tag, _pattern in expected} == {*TAGS}


@pytest.mark.parametrize("tag", TAGS)
def test_each_file_has_the_tag_that_the_list_says(tmp_path, expected, tag):
    installed = install(tmp_path, "--tags", tag)

    patterns = [pattern for each, pattern in expected if each == tag]
    assert installed and patterns and not {path for path in installed if not any(matches(pattern, path) for pattern in patterns)}
    assert not [pattern for pattern in patterns if not any(matches(pattern, path) for path in installed)]


def test_the_installed_unit_starts_the_installed_program(tmp_path):
    install(tmp_path, "--tags", "runtime")

    unit = (tmp_path / unit_directory().lstrip("/") / "allocd.service").read_text()
    programs = set(re.findall(r"^Exec\w+=(\S+)", unit, re.MULTILINE))

    assert programs == {f"{options(build_directory())['prefix']}/bin/allocd"}
    assert (tmp_path / programs.pop().lstrip("/")).is_file()


CROSS_FILE = """
[binaries]
c = 'gcc'
pkgconfig = 'pkg-config'
[properties]
needs_exe_wrapper = true
[host_machine]
system = 'linux'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
"""


@pytest.mark.parametrize(("man", "says"), [("enabled", "ERROR: Problem encountered: the manuals and completions cannot be made"), ("auto", "WARNING: no manuals and no completions are made")])
def test_a_cross_build_that_cannot_run_its_programs_says_what_it_lacks(tmp_path, man, says):
    (tmp_path / "cross").write_text(CROSS_FILE)
    done = subprocess.run(
        ["meson", "setup", tmp_path / "build", ROOT, "--cross-file", tmp_path / "cross", f"-Dman={man}", "-Dtests=disabled", "-Drevision=0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode != 0) == (man == "enabled"), done.stdout + done.stderr
    assert says in done.stdout and "exe_wrapper" in done.stdout


def test_no_program_names_the_directory_in_which_it_was_built():
    build = build_directory()
    for name in PROGRAMS:
        content = (build / name).read_bytes()
        for folder in (f"{ROOT}/src", build):  # not ROOT alone, which may be as short as /src
            assert str(folder).encode() not in content, name


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A build without tests, bench and page, by a pkg-config that knows neither Check nor valgrind nor systemd."""
    folder = tmp_path_factory.mktemp("bare")
    program = folder / "pkg-config"
    program.write_text(
        '#!/bin/sh\ncase " $* " in *" check "* | *" valgrind "* | *" systemd "*) exit 1 ;; esac\n'
        f'exec {shutil.which("pkg-config")} "$@"\n'
    )
    program.chmod(0o755)
    without = [f"-D{name}=disabled" for name in ("tests", "bench", "page")]
    output_of(
        "meson", "setup", folder / "build", ROOT, "--prefix=/usr", "-Drevision=0123456789ab", f"-Dsettings_file={SETTINGS_FILE}", *without,
        env={**os.environ, "PKG_CONFIG": str(program)},
    )  # fmt: skip
    return folder / "build"


def test_a_build_without_tests_and_bench_needs_no_check_and_has_only_the_programs(bare):
    targets = json.loads(output_of("meson", "introspect", "--targets", bare))
    needed = {each["name"] for each in json.loads(output_of("meson", "introspect", "--dependencies", bare))}

    assert {each["name"] for each in targets if each["type"] == "executable"} == {"allocd", "allocd-dev"}
    assert not needed & {"check", "valgrind"}
    assert options(bare)["werror"] is False


def test_a_build_names_the_commit_that_it_is_given(bare):
    compiled = "allocd.p/src_entrypoints_about_version.c.o"
    output_of("ninja", "-C", bare, compiled)

    assert b"0123456789ab" in (bare / compiled).read_bytes()


def test_the_unit_and_the_help_name_the_file_of_settings_that_the_build_is_given(bare):
    compiled = "src/entrypoints/libentrypoints.a.p/cli_commands.c.o"
    output_of("ninja", "-C", bare, compiled)

    unit, commands = (bare / "allocd.service").read_text(), (bare / compiled).read_bytes()
    assert f"EnvironmentFile=-{SETTINGS_FILE}\n" in unit and "/etc/allocd.env" not in unit
    assert f"/dev/stdin {SETTINGS_FILE}\n".encode() in commands and b"/etc/allocd.env" not in commands


def test_a_build_without_the_page_says_so_in_its_place(bare):
    made = "src/entrypoints/page_files.h"
    output_of("ninja", "-C", bare, made)

    text = bytes(map(int, re.search(r"plain_0\[\] = \{([0-9,]+)\}", (bare / made).read_text())[1].split(","))).decode()
    assert "built without the operators' page" in text
    assert (bare / made).read_text().count('{"/') == 1


def test_the_page_does_not_depend_on_the_locale():
    folder, made = ROOT / "src" / "entrypoints" / "page", build_directory() / "src" / "entrypoints"
    parts = [path for path in folder.rglob("*") if path.suffix in (".css", ".js")]

    page = output_of("/usr/bin/python3", folder / "embed.py", folder / "index.html", *parts, made / "commands.js", env={**os.environ, **ASCII})

    assert page == (made / "page_files.h").read_text()


def test_a_prefix_leads_the_unit_to_the_programs_and_without_systemd_to_a_folder_of_the_prefix(bare):
    plan = json.loads(output_of("meson", "introspect", "--installed", bare))

    assert plan[str(bare / "allocd.service")] == "/usr/lib/systemd/system/allocd.service"
    assert "ExecStart=/usr/bin/allocd run" in (bare / "allocd.service").read_text()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have no such note")
def test_every_object_is_built_with_control_flow_protection():
    """Checks the objects of the plain build; the linked program also depends on the distribution's start files."""
    objects = list((ROOT / "build" / "src").rglob("*.c.o"))
    notes = output_of("readelf", "-n", *objects)

    assert objects and notes.count("x86 feature: IBT, SHSTK") == len(objects)
