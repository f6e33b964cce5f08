"""What a test does beside its own steps."""

import threading


class Background:
    """Calls run() in a thread for as long as the with-block lasts; run() returns soon after `over` is set."""

    def __init__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
