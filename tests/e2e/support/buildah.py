"""Buildah, with a store of its own; and a base image made of Debian's packages, since no registry is asked."""

import contextlib
import json
import os
import pathlib
import subprocess

import servers
from installation import ROOT, TIMEOUT_S

ROOT_S = 600
BUILD_S = 1200


class Buildah:
    def __init__(self, folder):
        self.options = ["--root", f"{folder}/store", "--runroot", f"{folder}/run"]

    def __call__(self, command, *words, timeout_s=6 * TIMEOUT_S):
        """Returns what it printed; other tests run beside it, so it gets the processor after them."""
        done = subprocess.run(
            ["nice", "-n", "10", "buildah", *self.options, command, *words], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, env={**os.environ, "BUILDAH_ISOLATION": "chroot"}, timeout=timeout_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"buildah {command}: {last_lines(done.stdout + done.stderr)}"
        return done.stdout.strip()

    def make_base(self, name):
        """An image of a fresh root of Debian, under the name that a Dockerfile has for it."""
        container = self("from", "scratch")
        root = base_root()
        subprocess.run(["flock", "--shared", f"{root}.lock", "cp", "-a", f"{root}/.", self("mount", container)], check=True)
        self("umount", container)
        self("commit", "--rm", container, name)

    def build(self, context, image, *options):
        """Builds deploy/Dockerfile of that source."""
        dockerfile = pathlib.Path(context) / "deploy" / "Dockerfile"
        self("bud", "--pull-never", "--no-cache", *options, "--file", dockerfile, "--tag", image, context, timeout_s=BUILD_S)

    def digest(self, image):
        return json.loads(self("inspect", "--type", "image", image))["FromImageDigest"]

    def inspect(self, image):
        """What the image says of itself: its configuration, as Docker has it."""
        return json.loads(self("inspect", "--type", "image", image))["Docker"]["config"]


def last_lines(text):
    return "\n".join(text.splitlines()[-20:])


def base_root():
    """A root of Debian, which bare_root.sh makes again when it is a week old."""
    folder = servers.cache_directory() / "root"
    script = ROOT / "scripts" / "bare_root.sh"
    subprocess.run([script, "--base", folder, "--make"], check=True, timeout=ROOT_S)
    return folder


@contextlib.contextmanager
def running_buildah():
    with servers.scratch_directory() as folder:
        buildah = Buildah(folder)
        try:
            yield buildah
        finally:
            buildah("rm", "--all")


def reason_against():
    """Why no root can be made and entered here; None where it can: then a failure of buildah fails its tests."""
    if os.geteuid() != 0:
        return "only root can make a root of Debian and run programs in it"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "root may not mount here, as in a container without CAP_SYS_ADMIN"
    return None


def copy_of_the_source(folder):
    """What git would commit: other tests write beside it meanwhile."""
    names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["xargs", "-0", "cp", "-a", "--parents", f"--target-directory={folder}"], cwd=ROOT, input=listed, check=True)
