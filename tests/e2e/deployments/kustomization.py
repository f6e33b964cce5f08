"""The objects that a kustomization of ours gives, as far as it uses kustomize: without what its patches change."""

import pathlib

import yaml
from shipped import read

KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "patches"}


def objects_of(tree, folder):
    """Asserts that the kustomization has each file of its folder, and nothing that is not there."""
    path = f"{folder}/kustomization.yaml"
    kustomization = yaml.safe_load(read(tree, path))
    assert not kustomization.keys() - KNOWN, f"{path}: {kustomization.keys() - KNOWN} is not known here"
    generators = kustomization.get("configMapGenerator", [])
    listed = {"kustomization.yaml", *kustomization["resources"], *(file for each in generators for file in each["envs"])}
    own = {name for name in listed if not name.startswith("..")}
    there = {file.name for file in (tree / folder).iterdir()}
    assert own == there, f"{path}: {sorted(own ^ there)} is listed and not there, or there and not listed"

    found = []
    for name in kustomization["resources"]:
        if name in own:
            found += yaml.safe_load_all(read(tree, f"{folder}/{name}"))
        else:
            found += objects_of(tree, str(pathlib.PurePath(folder).parent / name.removeprefix("../")).replace("overlays/../", ""))
    for each in generators:
        merge_settings(tree, folder, each, found)
    for patch in kustomization.get("patches", []):
        target = patch["target"]
        assert only(found, target["kind"], target["name"]), f"{path}: no {target}"
    return found


def merge_settings(tree, folder, generator, found):
    settings = {name: value for file in generator["envs"] for name, value in settings_of(tree, f"{folder}/{file}").items()}
    if generator.get("behavior") == "merge":
        only(found, "ConfigMap", generator["name"])["data"].update(settings)
    else:
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": settings})


def settings_of(tree, path):
    lines = [line for line in read(tree, path).splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def only(objects, kind, name):
    """The object of that kind and name, which must be there once."""
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{kind} {name} is there {len(found)} times"
    return found[0]
