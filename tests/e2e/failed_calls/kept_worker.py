"""A worker that is started again whenever it ends, as a service manager does; it must say why it ended."""

import itertools
import os
import signal
import threading

from failed_calls import make_plan, preloaded
from installation import wait_until

ENDS_MAX = 4  # after one failure; then it is not started again


class KeptWorker:
    """Each process of the worker has a plan of its own, in which the failure that was asked for is armed from its start."""

    def __init__(self, allocd, folder, settings):
        self.allocd = allocd
        self.folder = folder
        self.settings = settings
        self.numbers = itertools.count()
        self.next_failure, self.next_count = None, 0
        self.armed = None  # the plan of the last process that began with a failure ahead
        self.ends = []  # the exit statuses since the last failure was chosen
        self.defects = []
        self.is_asked = self.is_over = False
        self.launch()
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def launch(self):
        path = self.folder / f"plan-{next(self.numbers)}"
        self.plan = make_plan(path)
        if self.next_failure:
            self.plan.arm(self.next_failure)
            self.armed = self.plan
        self.plan.begin_to_count(self.next_count)
        self.next_failure, self.next_count = None, 0
        self.log_begins = self.log_size()
        self.allocd.launch(**preloaded(path), **self.settings)

    def log_size(self):
        return self.allocd.log.stat().st_size if self.allocd.log.exists() else 0

    def keep(self):
        """Runs in a thread."""
        while True:
            self.judge(self.allocd.worker.wait())
            if self.is_over or len(self.ends) > ENDS_MAX:
                return
            self.is_asked = False
            self.allocd.query("update processes set due_at = now()")  # the leases of the dead one
            self.launch()

    def judge(self, status):
        with open(self.allocd.log, "rb") as log:
            log.seek(self.log_begins)
            said = log.read().decode(errors="replace")
        says_why = "level=error" in said or "allocd: " in said
        is_in_order = self.is_asked and status in (0, -signal.SIGTERM)  # the latter before it has begun
        if not is_in_order and not (says_why and (status > 0 or status == -signal.SIGABRT)):
            self.defects.append(f"the worker ended with {status}, and its log ends with {said[-400:]!r}")
        if "Sanitizer" in said or "runtime error" in said:
            self.defects.append(said)
        self.ends.append(status)

    def restart(self, failure=None, count=0):
        """
        Ends the worker in order, and starts it again, with that failure ahead, or counting the calls of that kind.
        Returns the plan of the process that ended.
        """
        process, plan = self.allocd.worker, self.plan
        self.next_failure, self.next_count = failure, count
        self.is_asked = True
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.plan is not plan and self.allocd.worker is not process, "the worker to end and to be started again")
        return plan

    def await_ready(self):
        wait_until(lambda: self.defects or self.allocd.ready(), "the worker to be ready")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.allocd.worker.pid}/fd"))

    def stop(self):
        """Ends the worker, which is not started again."""
        self.is_over = self.is_asked = True
        self.allocd.worker.send_signal(signal.SIGTERM)
        self.thread.join(timeout=20)
        if self.thread.is_alive():
            self.allocd.worker.kill()
            self.thread.join()
            self.defects.append("the worker did not end within 20 s of SIGTERM")
        self.allocd.worker = None
