"""A private Prometheus, which scrapes workers each second and evaluates the rules that ship."""

import contextlib
import json
import pathlib
import subprocess

import requests
import servers
from installation import ROOT, TIMEOUT_S, wait_until

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"

CONFIGURATION = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{RULES}]
scrape_configs:
  - job_name: allocd
    file_sd_configs: [{{files: [targets.json]}}]
"""


class Prometheus:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.address = f"127.0.0.1:{servers.free_port()}"

    def scrape(self, *workers):
        """From now on these workers, and no others; it notices by itself that the file has changed."""
        replacement = self.folder / "targets.next"
        replacement.write_text(json.dumps([{"targets": [worker.http for worker in workers]}]), encoding="utf-8")
        replacement.rename(self.folder / "targets.json")
        wait_until(lambda: self.health() == {worker.http: "up" for worker in workers}, "the first scrape")

    def health(self):
        return {target["labels"]["instance"]: target["health"] for target in self.ask("targets")["activeTargets"]}

    def ask(self, what):
        answer = requests.get(f"http://{self.address}/api/v1/{what}", timeout=TIMEOUT_S)
        return answer.json()["data"]

    def firing(self):
        """{name: alert} of those that fire; of several with the same name one."""
        return {alert["labels"]["alertname"]: alert for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def is_up(self):
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://{self.address}/-/ready", timeout=TIMEOUT_S).ok
        return False


@contextlib.contextmanager
def running_prometheus(folder):
    there = Prometheus(folder)
    (there.folder / "prometheus.yml").write_text(CONFIGURATION, encoding="utf-8")
    (there.folder / "targets.json").write_text("[]", encoding="utf-8")
    command = [
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn",
        f"--web.listen-address={there.address}",
    ]  # fmt: skip
    with open(there.folder / "log", "wb") as log:
        child = subprocess.Popen(command, cwd=there.folder, stdout=log, stderr=log)
    try:
        wait_until(there.is_up, f"Prometheus to start; its log: {there.folder / 'log'}")
        yield there
    finally:
        child.terminate()
        child.wait(TIMEOUT_S)
