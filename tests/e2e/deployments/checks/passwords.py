"""
The commands of the documents: none has a password, which would stay in the history of the shell; and none that waits
for one is followed by another in its block, which would be taken for the password when both are pasted.
"""

import re

from shipped import check, fault, read

README_DEBIAN = "debian/README.Debian"
COMPOSE = "deploy/docker-compose.yml"

# The name of a secret that is not a variable's value, or a value that the reader is to fill in.
SECRET = re.compile(r"(?<!\$)(?<!\$\{)\b(?:[A-Z_]*_)?(?:PASSWORD|TOKEN)\b(?!_FILE)|\b[A-Z_]+_URL=…")
# What waits until something is typed.
WAITS = re.compile(r"\bread -|\\password\b|\bsudoedit\b|\$\{EDITOR|--askpass\b")


def blocks(tree):
    """(file, lines) of each block of lines of a shell."""
    for path in [*(f"docs/{file.name}" for file in (tree / "docs").glob("*.md")), "README.md", "SUPPORT.md", "CONTRIBUTING.md"]:
        for block in re.findall(r"^ *```sh\n(.*?)^ *```$", read(tree, path), re.M | re.S):
            yield path, block.splitlines()
    for path, margin in ((README_DEBIAN, "    "), (COMPOSE, "#   ")):
        for block in re.findall(rf"(?:^{margin}\S.*\n(?:^{margin} .*\n)*)+", read(tree, path), re.M):
            if not block.startswith(f"{margin}postgresql://"):
                yield path, [line.removeprefix(margin) for line in block.splitlines()]


@check("docs", "README.md", README_DEBIAN, COMPOSE)
def no_command_has_a_password(tree):
    lines = [(path, re.sub(r"(^|\s)#.*$|\b(read -rs|export)( \w+)+(?!\S)", "", line)) for path, block in blocks(tree) for line in block]
    wrong = [(path, line) for path, line in lines if SECRET.search(line)]

    assert len(lines) > 100 and {README_DEBIAN, COMPOSE} <= {path for path, _ in lines}
    assert wrong == [], wrong


@check("docs", "README.md", README_DEBIAN, COMPOSE)
def each_block_can_be_pasted(tree):
    wrong = [(path, line) for path, block in blocks(tree) for line in block[:-1] if WAITS.search(line)]

    assert wrong == [], f"these wait for what is typed, and other lines follow: {wrong}"


fault(README_DEBIAN, "sudoedit /etc", "echo PASSWORD >/etc", no_command_has_a_password, "echo PASSWORD")
fault(COMPOSE, "#   docker compose -f", "#   POSTGRES_PASSWORD=… docker compose -f", no_command_has_a_password, "POSTGRES_PASSWORD=…")
fault("docs/kubernetes.md", "read -rs DATABASE_URL && export DATABASE_URL", "export DATABASE_URL=…", no_command_has_a_password, "DATABASE_URL=…")
fault("docs/operating.md", "ACL SETUSER allocd on '~", "ACL SETUSER allocd on '>PASSWORD' '~", no_command_has_a_password, ">PASSWORD")
fault("docs/kubernetes.md", "which is not shown\n   ```\n\n   ```sh\n", "which is not shown\n", each_block_can_be_pasted, "read -rs DATABASE_URL")
fault(README_DEBIAN, "\n\nand when it is saved\n", "", each_block_can_be_pasted, "sudoedit /etc")
fault(COMPOSE, "&& export POSTGRES_PASSWORD\n#\n", "&& export POSTGRES_PASSWORD\n", each_block_can_be_pasted, "read -rs POSTGRES_PASSWORD")
