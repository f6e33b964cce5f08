"""The example environment, /etc/allocd.env to begin with."""

import re
import subprocess
from tempfile import TemporaryDirectory

from installation import binary
from shipped import accepts, check, fault, read

EXAMPLE = "deploy/allocd.env"


@check(EXAMPLE)
def the_example_environment_is_what_the_program_prints(tree):
    printed = accepts(binary(), "config", "--template", env={})

    assert read(tree, EXAMPLE) == printed, "run: allocd config --template > deploy/allocd.env"


fault(
    EXAMPLE, "# on: DATABASE_URL leads", "# off: DATABASE_URL leads",
    the_example_environment_is_what_the_program_prints, "allocd config --template > deploy/allocd.env",
)  # fmt: skip


@check(EXAMPLE)
def every_line_of_the_example_is_accepted_once_it_is_no_comment(tree):
    lines = re.findall(r"^#([A-Z_]+=.*)$", read(tree, EXAMPLE), re.M)
    with TemporaryDirectory() as folder:
        environment = f"{folder}/allocd.env"
        with open(environment, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        script = 'set -a; . "$1"; exec "$2" config --check'
        accepts("sh", "-c", script, "sh", environment, binary(), stdin=subprocess.DEVNULL, env={})

    assert len(lines) > 40, f"{len(lines)} settings: too few"


fault(
    EXAMPLE, "#ALLOCD_LOG_LEVEL=info", "#ALLOCD_LOG_LEVEL=loud",
    every_line_of_the_example_is_accepted_once_it_is_no_comment, "ALLOCD_LOG_LEVEL: expected debug, info, warn or error",
)  # fmt: skip
