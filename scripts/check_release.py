#!/usr/bin/python3
"""Compares the version of meson.build with CHANGELOG.md, and with the tag of HEAD where that has one.

    check_release.py [ROOT]

The rules are those of docs/releases.md: the newest heading of the changelog is "Unreleased", or the version with its
date, and then schemas/released/ has its schemas; a released commit has an annotated tag, which is "v" and the version,
and a changelog whose newest heading is it.
"""

import pathlib
import re
import subprocess
import sys

VERSION = re.compile(r"^  version: '(\d+\.\d+\.\d+)',$", re.MULTILINE)
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)


def git(root, *arguments):
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def faults_of_changelog(version, newest):
    if newest == "Unreleased" or re.fullmatch(rf"{re.escape(version)} - \d\d\d\d-\d\d-\d\d", newest):
        return
    yield f"CHANGELOG.md: the newest heading is '{newest}': expected 'Unreleased' or '{version} - YYYY-MM-DD'"


def faults_of_tag(root, tag, version, newest):
    if tag != f"v{version}":
        yield f"the tag {tag} of HEAD is not v{version}, the version of meson.build"
    if git(root, "cat-file", "-t", tag) != ["tag"]:
        yield f"the tag {tag} of HEAD is not annotated: git tag --annotate"
    if newest == "Unreleased":
        yield f"CHANGELOG.md: the newest heading is 'Unreleased', but HEAD has the tag {tag}: expected '{version} - YYYY-MM-DD'"


def schemas(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}


def faults_of_schemas(root, newest):
    if newest != "Unreleased" and schemas(root / "schemas") != schemas(root / "schemas/released"):
        yield f"schemas/released/ differs from the schemas of {newest}: scripts/schema_compatibility.py --record"


def main(root):
    version = VERSION.search((root / "meson.build").read_text(encoding="utf-8"))[1]
    newest = HEADING.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))[1]
    faults = [*faults_of_changelog(version, newest), *faults_of_schemas(root, newest)]
    for tag in git(root, "tag", "--points-at", "HEAD", "v*"):
        faults += faults_of_tag(root, tag, version, newest)
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


sys.exit(main(pathlib.Path(sys.argv[1] if sys.argv[1:] else pathlib.Path(__file__).resolve().parents[1])))
