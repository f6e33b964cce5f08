"""The rules of docs/releases.md, which `./dev check` holds."""

import subprocess

import pytest
from installation import ROOT


class Repository:
    """A repository with one commit: the version 1.2.3, and a changelog with this newest heading."""

    def __init__(self, folder, heading):
        self.folder = folder
        (folder / "meson.build").write_text("project('allocd', 'c',\n  version: '1.2.3',\n")
        (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n### Fixed\n\n## 1.2.2 - 2026-01-01\n")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message=A release")

    def git(self, *arguments):
        author = ["-c", "user.name=A developer", "-c", "user.email=developer@example.com"]
        subprocess.run(["git", "-C", self.folder, *author, *arguments], check=True)

    def faults(self):
        done = subprocess.run([ROOT / "scripts" / "check_release.py", self.folder], capture_output=True, text=True, check=False)
        assert done.returncode == (1 if done.stdout else 0), done.stderr
        return done.stdout


@pytest.mark.parametrize("heading", ["Unreleased", "1.2.3 - 2026-12-01"])
def test_the_newest_heading_is_unreleased_or_the_version(tmp_path, heading):
    assert Repository(tmp_path, heading).faults() == ""


@pytest.mark.parametrize("heading", ["1.2.2 - 2026-12-01", "1.2.3", "1.2.30 - 2026-12-01", "2026-12-01"])
def test_another_heading_is_refused(tmp_path, heading):
    assert f"the newest heading is '{heading}'" in Repository(tmp_path, heading).faults()


def test_an_annotated_tag_of_the_version_is_a_release(tmp_path):
    repository = Repository(tmp_path, "1.2.3 - 2026-12-01")
    repository.git("tag", "--annotate", "--message=Version 1.2.3", "v1.2.3")

    assert repository.faults() == ""


@pytest.mark.parametrize(
    ("heading", "tag", "fault"),
    [
        ("1.2.3 - 2026-12-01", ["--annotate", "--message=x", "v1.2.4"], "v1.2.4 of HEAD is not v1.2.3"),
        ("1.2.3 - 2026-12-01", ["v1.2.3"], "is not annotated"),
        ("Unreleased", ["--annotate", "--message=x", "v1.2.3"], "is 'Unreleased', but HEAD has the tag v1.2.3"),
    ],
)
def test_a_tag_that_breaks_the_rule_is_refused(tmp_path, heading, tag, fault):
    repository = Repository(tmp_path, heading)
    repository.git("tag", *tag)

    assert fault in repository.faults()


@pytest.mark.parametrize(("heading", "fault"), [("Unreleased", ""), ("1.2.3 - 2026-12-01", "schemas/released/ differs from the schemas of 1.2.3")])
def test_a_release_records_its_schemas(tmp_path, heading, fault):
    repository = Repository(tmp_path, heading)
    released = tmp_path / "schemas" / "released"
    released.mkdir(parents=True)
    for folder, text in ((released.parent, "{}"), (released, "{ }")):
        (folder / "pack.json").write_text(text)

    assert repository.faults().startswith(fault) and bool(fault) == bool(repository.faults())
    (released / "pack.json").write_text("{}")
    assert repository.faults() == ""
