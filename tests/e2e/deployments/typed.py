"""Objects of a file as typed literals, which the compiler of TypeScript compares with the types of their schema."""

import json
import pathlib
import tempfile

from npm import node_modules
from shipped import accepts

PACKAGES = [
    "typescript@5.9.3", "@grafana/schema@13.2.3", "kubernetes-models@5.1.0", "@kubernetes-models/keda@2.0.0",
    "@kubernetes-models/prometheus-operator@6.0.0",
]  # fmt: skip
OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"]


def packages():
    return node_modules(*PACKAGES)


def fits(types, **objects):
    """`types` imports or declares a type Of_NAME for each object NAME."""
    literals = [f"export const {name}: Of_{name} = {json.dumps(value, indent=1)};\n" for name, value in objects.items()]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "node_modules").symlink_to(packages())
        (folder / "objects.mts").write_text(types + "".join(literals), encoding="utf-8")
        accepts("node", packages() / "typescript" / "bin" / "tsc", *OPTIONS, "objects.mts", cwd=folder)
