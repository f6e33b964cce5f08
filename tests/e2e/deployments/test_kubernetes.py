"""What the pods of deploy/kubernetes run works as they run it, with the settings, files and probes of the manifests."""

import contextlib
import os
import pathlib
import re
import subprocess
import textwrap

import requests
import yaml
from checks.kubernetes import BASE, TOKEN, files
from documents import document
from installation import ROOT, TIMEOUT_S, wait_until
from kustomization import objects_of, only


def pod():
    return only(objects_of(ROOT, BASE), "StatefulSet", "allocd")["spec"]["template"]["spec"]


def environment(allocd, container, folder):
    """What the container has, with files in a folder of the test's, and an address and a prefix of its own."""
    secrets = {
        "DATABASE_URL_FILE": allocd.database_url, "REDIS_URL_FILE": allocd.redis_url,
        "ALLOCD_HTTP_TOKEN_FILE": TOKEN, "ALLOCD_ADMIN_TOKEN_FILE": TOKEN,
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOCD_", "PG", "DATABASE_", "REDIS_"))}
    settings = {**kept, **only(objects_of(ROOT, BASE), "ConfigMap", "allocd")["data"], "ALLOCD_PREFIX": allocd.prefix}
    settings["ALLOCD_HTTP"] = settings["ALLOCD_HTTP"].replace(":5005", ":" + allocd.http.split(":")[1])
    for name, path in files(container).items():
        file = pathlib.Path(folder) / pathlib.Path(path).name
        file.write_text(secrets[name], encoding="utf-8")
        file.chmod(0o440)
        settings[name] = str(file)
    return settings


def test_two_pods_that_start_together_migrate_once_and_their_worker_answers_the_probes(parked, tmp_path):
    [migrate], [worker] = pod()["initContainers"], pod()["containers"]

    settings = environment(parked, migrate, tmp_path)
    both = [subprocess.Popen([parked.program, *migrate["args"]], env=settings, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(each.communicate(timeout=TIMEOUT_S)[1] for each in both)
    assert [each.returncode for each in both] == [0, 0], said
    [(count,)] = parked.query("select count(*) from migrations")
    assert said.count("migrating the database") == count

    with open(parked.log, "wb") as log:
        parked.worker = subprocess.Popen([parked.program, *worker["args"]], env=environment(parked, worker, tmp_path), stderr=log)
    probes = [worker[f"{what}Probe"]["httpGet"] for what in ("startup", "liveness", "readiness")]
    wait_for_200(parked, probes)
    assert parked.get("/products").status_code == 401, "all but probes and metrics needs the token"
    assert parked.get("/metrics").status_code == 200
    assert "unknown setting" not in parked.log.read_text()


def wait_for_200(allocd, probes):
    def answer():
        with contextlib.suppress(requests.ConnectionError):
            return all(allocd.get(probe["path"]).status_code == 200 for probe in probes)

    wait_until(answer, "the probes")


def test_the_documented_overlay_names_what_there_is():
    """It is written for a folder beside a copy of the project, allocd/."""
    [text] = re.findall(r"^ *```yaml kustomization.yaml\n(.*?)^ *```$", document("kubernetes.md"), re.M | re.S)
    overlay = yaml.safe_load(textwrap.dedent(text))
    [below] = overlay["resources"]
    objects = objects_of(ROOT, below.removeprefix("../allocd/"))

    assert {image["name"] for image in overlay["images"]} == {"allocd"}
    for generator in overlay["configMapGenerator"]:
        assert generator["behavior"] == "merge" and only(objects, "ConfigMap", generator["name"])
    [secret] = re.findall(r"create secret generic (\w+)", document("kubernetes.md"))
    keys = set(re.findall(r"--from-file=([\w-]+)=", document("kubernetes.md")))
    volumes = [volume["secret"] for volume in pod()["volumes"]]
    assert {volume["secretName"] for volume in volumes} == {secret}
    assert {item["key"] for volume in volumes for item in volume["items"]} == keys
