"""The packages of Debian, as far as a look at the files shows it; test_package.py builds, installs and purges them."""

import os
import re

from installation import binary
from shipped import accepts, check, fault, read

LISTS = ("debian/allocd.install", "debian/allocd-tools.install")
OVERRIDES = ("debian/allocd.lintian-overrides", "debian/allocd-tools.lintian-overrides")
SCRIPTS = ("debian/tests/demo", "debian/tests/service")


def field(tree, name, package):
    """The value of a field, in the paragraph that begins with this line."""
    paragraph = next(each for each in read(tree, "debian/control").split("\n\n") if each.startswith(package))
    return re.search(rf"^{name}: *((?:.*\n(?: .*(?:\n|$))*))", paragraph + "\n", re.MULTILINE)[1]


def words(text):
    return set(re.findall(r"[a-z][a-z0-9+.-]+", text))


@check("debian/control")
def the_package_builds_with_the_libraries_of_dev(tree):
    needed = {name for name in accepts(tree / "dev", "packages", "build").split() if re.fullmatch("lib.*-dev", name)}

    assert (missing := needed - {"libc6-dev"} - words(field(tree, "Build-Depends", "Source: "))) == set(), missing


fault("debian/control", " libjansson-dev,\n", "", the_package_builds_with_the_libraries_of_dev, "libjansson-dev")


@check("debian/control")
def a_cross_build_takes_the_python_of_the_machine_that_builds(tree):
    """Debian's other tools say so themselves (Multi-Arch: foreign)."""
    assert "\n python3:any,\n" in field(tree, "Build-Depends", "Source: "), "python3 would have to be that of the other machine"


fault("debian/control", " python3:any,", " python3,", a_cross_build_takes_the_python_of_the_machine_that_builds, "that of the other machine")


@check("debian/control")
def allocd_dev_comes_with_the_servers_that_it_starts(tree):
    assert {"postgresql", "redis-server"} <= words(field(tree, "Depends", "Package: allocd-tools")), "allocd-tools lacks a server"


fault(
    "debian/control", "(= ${binary:Version}), postgresql,", "(= ${binary:Version}),",
    allocd_dev_comes_with_the_servers_that_it_starts, "allocd-tools lacks a server",
)  # fmt: skip


@check("debian/changelog")
def the_package_has_the_version_of_the_project(tree):
    version = accepts("dpkg-parsechangelog", "--file", tree / "debian/changelog", "--show-field", "Version").strip()
    project = re.search(r"^  version: '(.*)',$", read(tree, "meson.build"), re.MULTILINE)[1]

    assert version.rpartition("-")[0] == project, f"{version} is not of {project}"


fault("debian/changelog", "(0.1.0-1)", "(0.0.9-1)", the_package_has_the_version_of_the_project, "0.0.9-1 is not of 0.1.0")


@check("debian/source/format")
def the_source_has_the_format_of_an_upstream_and_a_debian_part(tree):
    text = read(tree, "debian/source/format")

    assert text == "3.0 (quilt)\n", text


fault("debian/source/format", "quilt", "native", the_source_has_the_format_of_an_upstream_and_a_debian_part, "native")


@check("debian/copyright")
def the_copyright_has_the_whole_licence(tree):
    licence = read(tree, "LICENSE").partition("\n\n")[2].split()
    text = re.sub(r"^ \.$", "", read(tree, "debian/copyright"), flags=re.MULTILINE).split()

    body = " ".join(licence).partition("Permission is")[2]
    assert body in " ".join(text), "debian/copyright lacks words of LICENSE"


fault("debian/copyright", "without limitation the rights", "without limitation rights", the_copyright_has_the_whole_licence, "lacks words of LICENSE")


@check(*LISTS)
def every_file_that_goes_into_a_package_is_in_the_project_or_installed_by_it(tree):
    installed = [line.split()[1] for line in read(tree, "tests/e2e/deployments/installed.txt").splitlines() if not line.startswith("#")]
    for name in LISTS:
        for source in (line.split()[0] for line in read(tree, name).splitlines()):
            known = (tree / source).exists() or source == "lib/systemd/system/allocd.service"
            by_meson = any(f"usr/{path}/".startswith(f"{source}/") for path in installed)
            assert known or by_meson, f"{name}: there is no {source}"


for path, old, new in (
    ("debian/allocd.install", "usr/bin/allocd\n", "usr/sbin/allocd\n"),
    ("debian/allocd-tools.install", "usr/bin/allocd-dev\n", "usr/bin/allocd-development\n"),
):
    fault(path, old, new, every_file_that_goes_into_a_package_is_in_the_project_or_installed_by_it, f"there is no {new.strip()}")


@check(*OVERRIDES)
def an_override_of_lintian_has_a_reason(tree):
    for name in OVERRIDES:
        assert re.fullmatch(r"(# .*\.\n\S+: \S.*\n)+", read(tree, name)), f"{name}: a tag without a reason"


for path in OVERRIDES:
    fault(path, "# It is no package of the archive of Debian, so there is no bug that asks for it.\n", "", an_override_of_lintian_has_a_reason, f"{path}: a tag")


@check("debian/rules")
def the_service_is_neither_enabled_nor_started_by_the_installation_and_restarted_by_an_upgrade(tree):
    commands = accepts("make", "-n", "-f", "debian/rules", "override_dh_installsystemd", cwd=tree)

    assert "dh_installsystemd --no-enable --no-start --restart-after-upgrade" in commands, commands


for option in ("--no-enable", "--no-start", "--restart-after-upgrade"):
    fault(
        "debian/rules", f" {option}", "",
        the_service_is_neither_enabled_nor_started_by_the_installation_and_restarted_by_an_upgrade, "dh_installsystemd",
    )  # fmt: skip


@check("debian/rules")
def the_completion_of_zsh_goes_where_debians_zsh_looks(tree):
    commands = accepts("make", "-n", "-f", "debian/rules", "override_dh_auto_configure", cwd=tree)

    assert "-Dzsh_completions_dir=/usr/share/zsh/vendor-completions" in commands, commands


fault("debian/rules", "vendor-completions", "site-functions", the_completion_of_zsh_goes_where_debians_zsh_looks, "site-functions")


@check("debian/allocd.prerm")
def the_worker_is_stopped_before_it_is_removed(tree):
    assert "deb-systemd-invoke stop allocd.service" in read(tree, "debian/allocd.prerm"), "a removal leaves the worker running"
    accepts("sh", "-n", tree / "debian/allocd.prerm")


fault("debian/allocd.prerm", "stop allocd.service", "stop allocd-worker", the_worker_is_stopped_before_it_is_removed, "leaves the worker running")


@check("debian/allocd.default")
def debians_settings_are_those_of_the_program_with_their_defaults(tree):
    printed = accepts(binary(), "config", env={"PATH": os.environ["PATH"]}).splitlines()
    named = re.findall("^#([A-Z_]+=.*)$", read(tree, "debian/allocd.default"), re.MULTILINE)

    assert (unknown := [line for line in named if line not in printed]) == [] and named, unknown


fault("debian/allocd.default", "#ALLOCD_HTTP=127.0.0.1:5005", "#ALLOCD_HTTP=:5005", debians_settings_are_those_of_the_program_with_their_defaults, "ALLOCD_HTTP=:5005")


@check("debian/rules")
def the_unit_help_and_manuals_name_debians_file_of_settings(tree):
    commands = accepts("make", "-n", "-f", "debian/rules", "override_dh_auto_configure", cwd=tree)

    assert "-Dsettings_file=/etc/default/allocd " in commands, commands


fault("debian/rules", "=/etc/default/allocd ", "=/etc/allocd.env ", the_unit_help_and_manuals_name_debians_file_of_settings, "/etc/allocd.env")


@check("debian/rules")
def what_is_linked_or_read_by_programs_is_not_compressed(tree):
    """debhelper compresses a document of more than 4 kB: neither kustomize nor a link of another document would find it."""
    commands = accepts("make", "-n", "-f", "debian/rules", "override_dh_compress", cwd=tree)
    excluded = re.findall(r"--exclude=(\S+)", commands)
    read_there = ("README.md", "docs/operating.md", "allocd.spdx.json", "examples/allocd.env", "deploy/kubernetes/base/statefulset.yaml")

    compressed = [file for file in read_there if not any(part in f"/usr/share/doc/allocd/{file}" for part in excluded)]
    assert compressed == [], compressed


fault("debian/rules", "--exclude=/doc/allocd/deploy/", "", what_is_linked_or_read_by_programs_is_not_compressed, "statefulset.yaml")
fault("debian/rules", "--exclude=.md ", "", what_is_linked_or_read_by_programs_is_not_compressed, "README.md")


@check("debian/README.Debian", "deploy/allocd.service", "debian/tests/service")
def the_readme_has_the_commands_that_the_test_runs_and_the_credentials_of_the_unit(tree):
    text, test = read(tree, "debian/README.Debian"), read(tree, "debian/tests/service")
    for command in re.findall(r"^    sudo (?:-u postgres )?(.*allocd)$", text, re.MULTILINE)[:3]:
        assert command in test, f"debian/tests/service does not run: {command}"
    credentials = set(re.findall(r"^LoadCredential=.*:(.*)$", read(tree, "deploy/allocd.service"), re.MULTILINE))
    assert set(re.findall(r"allocd\.[a-z]+-[a-z]+", text)) == credentials, credentials


fault(
    "debian/README.Debian", "createuser allocd", "createuser --superuser allocd",
    the_readme_has_the_commands_that_the_test_runs_and_the_credentials_of_the_unit, "does not run: createuser --superuser allocd",
)  # fmt: skip


@check("debian/tests/control", *SCRIPTS)
def autopkgtest_finds_its_tests(tree):
    for name in re.findall(r"^Tests: (.*)$", read(tree, "debian/tests/control"), re.MULTILINE):
        assert os.access(tree / "debian/tests" / name, os.X_OK), f"debian/tests/{name} cannot be executed"
    for script in SCRIPTS:
        accepts("sh", "-n", tree / script)
        for path in re.findall(r"scripts/\w+\.py", read(tree, script)):
            assert (tree / path).exists(), f"{script}: there is no {path}"


fault("debian/tests/control", "Tests: demo", "Tests: demonstration", autopkgtest_finds_its_tests, "debian/tests/demonstration cannot be executed")
fault("debian/tests/demo", "scripts/run.py", "scripts/demo.py", autopkgtest_finds_its_tests, "there is no scripts/demo.py")
fault("debian/tests/service", "--wait\n	exit\nfi\n", "--wait\n	exit\n", autopkgtest_finds_its_tests, "yntax error")
