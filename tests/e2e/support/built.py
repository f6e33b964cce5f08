"""The build directory of the program under test, and what meson says of it."""

import json
import pathlib
import subprocess

from installation import ROOT, binary

# A locale that cannot write all characters of the sources, as that of a machine that builds may be.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PROGRAMS = ("allocd", "allocd-bench", "allocd-dev")


def output_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_directory():
    """The one of the program under test, or that of the plain build where the program is a copy."""
    beside = pathlib.Path(binary()).parent
    return beside if (beside / "meson-info").is_dir() else ROOT / "build"


def plain_program():
    """The program under test, or that of the plain build: a sanitizer must be the first library, so none can be put before it."""
    return binary() if options(build_directory())["b_sanitize"] == "none" else str(ROOT / "build" / "allocd")


def options(build):
    return {option["name"]: option["value"] for option in json.loads(output_of("meson", "introspect", "--buildoptions", build))}
