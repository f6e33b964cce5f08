#!/usr/bin/python3
"""Compares the objects that the checks read with those that `kubectl kustomize` gives.

To be run by hand: the kubectl of Debian 12 is too old.  They differ in what kustomization.py leaves out: the patch that
leaves the number of replicas to KEDA, and the hash in the name of the settings.
"""

import pathlib
import re
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[2] / "scripts")]

from checks.kubernetes import BASE, KEDA, PROMETHEUS  # noqa: E402
from installation import ROOT  # noqa: E402
from kustomization import objects_of  # noqa: E402


def name_of(each):
    return each["kind"], re.sub("-[a-z0-9]{10}$", "", each["metadata"]["name"])


def compare(folder):
    text = subprocess.run(["kubectl", "kustomize", ROOT / folder], check=True, capture_output=True, text=True).stdout
    given = {name_of(each): each for each in yaml.safe_load_all(text)}
    ours = {name_of(each): each for each in objects_of(ROOT, folder)}
    settings, workers = ("ConfigMap", "allocd"), ("StatefulSet", "allocd")

    assert given.keys() == ours.keys(), given.keys() ^ ours.keys()
    assert given[settings]["data"] == ours[settings]["data"], given[settings]
    assert ("replicas" in given[workers]["spec"]) == (folder != KEDA), given[workers]["spec"]
    for name in ours.keys() - {settings, workers}:
        assert given[name] == ours[name], name
    print(f"{folder}: {len(given)} objects, the same")


if __name__ == "__main__":
    for each in (BASE, PROMETHEUS, KEDA):
        compare(each)
