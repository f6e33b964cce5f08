"""The commands of the documents: none has a password, which would stay in the history of the shell."""

import re

from shipped import check, fault, read

README_DEBIAN = "debian/README.Debian"
COMPOSE = "deploy/docker-compose.yml"

# The name of a secret that is not a variable's value, or a value that the reader is to fill in.
SECRET = re.compile(r"(?<!\$)(?<!\$\{)\b(?:[A-Z_]*_)?(?:PASSWORD|TOKEN)\b(?!_FILE)|\b[A-Z_]+_URL=…")


def commands(tree):
    """(file, line) of each line of a shell, without its comment."""
    for path in [*(f"docs/{file.name}" for file in (tree / "docs").glob("*.md")), "README.md", "SUPPORT.md", "CONTRIBUTING.md"]:
        for block in re.findall(r"^ *```sh\n(.*?)^ *```$", read(tree, path), re.M | re.S):
            yield from ((path, line) for line in block.splitlines())
    for path, marked in ((README_DEBIAN, r"^    (\S.*)$"), (COMPOSE, r"^#   (\S.*)$")):
        yield from ((path, line) for line in re.findall(marked, read(tree, path), re.M) if not line.startswith("postgresql://"))


@check("docs", "README.md", README_DEBIAN, COMPOSE)
def no_command_has_a_password(tree):
    lines = [(path, re.sub(r"(^|\s)#.*$|\b(read -rs|export) \w+(?!\S)", "", line)) for path, line in commands(tree)]
    wrong = [(path, line) for path, line in lines if SECRET.search(line)]

    assert len(lines) > 100 and {README_DEBIAN, COMPOSE} <= {path for path, _ in lines}
    assert wrong == [], wrong


fault(README_DEBIAN, "sudoedit /etc", "echo PASSWORD >/etc", no_command_has_a_password, "echo PASSWORD")
fault(COMPOSE, "#   docker compose -f", "#   POSTGRES_PASSWORD=… docker compose -f", no_command_has_a_password, "POSTGRES_PASSWORD=…")
fault("docs/kubernetes.md", "read -rs DATABASE_URL && export DATABASE_URL", "export DATABASE_URL=…", no_command_has_a_password, "DATABASE_URL=…")
fault("docs/operating.md", "ACL SETUSER allocd on '~", "ACL SETUSER allocd on '>PASSWORD' '~", no_command_has_a_password, ">PASSWORD")
