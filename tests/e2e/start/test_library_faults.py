"""Faults of the system and of libraries: one of their functions is replaced by one that fails or is slow."""

import os
import signal
import subprocess

import pytest
import requests
from installation import wait_until

HEAD = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
void event_warnx(const char *format, ...);
void event_errx(int status, const char *format, ...) __attribute__((noreturn));
void PQfinish(void *connection);
"""


@pytest.fixture
def launched_with(parked, tmp_path):
    """Launches the worker with functions that replace those of the libraries."""

    def launch(functions, **settings):
        source, library = tmp_path / "faults.c", tmp_path / "faults.so"
        source.write_text(HEAD + functions)
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, source], check=True)
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        parked.launch(LD_PRELOAD=str(library), ASAN_OPTIONS=options, **settings)
        return parked

    return launch


def lines_with(allocd, text):
    return [line for line in allocd.log_lines() if text in line]


SLOW_END = """
static int is_ending;
sighandler_t signal(int number, sighandler_t handler)
{
    is_ending |= number == SIGINT && handler == SIG_DFL;
    return REAL(signal)(number, handler);
}
void PQfinish(void *connection)
{
    if (is_ending) {
        write(2, "freeing\\n", 8);
        sleep(15);
    }
    REAL(PQfinish)(connection);
}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_memory_is_freed_ends_the_worker_by_that_signal(launched_with, number):
    allocd = launched_with(SLOW_END)
    wait_until(allocd.ready_or_dead, "allocd to be ready")
    allocd.worker.terminate()
    wait_until(lambda: lines_with(allocd, "freeing"), "the worker to free its memory")

    assert lines_with(allocd, "msg=ended")
    assert allocd.stop(number) == -number


SLOW_ADDRESS = """
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    write(2, "looking up\\n", 11);
    sleep(15);
    return REAL(getaddrinfo)(host, port, hints, found);
}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_loop_ends_the_worker_with_0(launched_with, number):
    allocd = launched_with(SLOW_ADDRESS, ALLOCD_HTTP="localhost:0")
    wait_until(lambda: lines_with(allocd, "looking up"), "the worker to look up its address")
    allocd.worker.send_signal(signal.SIGHUP)

    assert allocd.stop(number) == 0


REFUSED_ACCEPT = """
int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    static int calls;
    if (calls++ < 3) {
        errno = %s;
        return -1;
    }
    return REAL(accept4)(listener, address, size, flags);
}
"""


@pytest.mark.parametrize("reason", ["ENFILE", "EPERM"])
def test_a_failed_accept_is_retried(launched_with, reason):
    allocd = launched_with(REFUSED_ACCEPT % reason)

    wait_until(allocd.ready_or_dead, "allocd to be ready")

    assert len(lines_with(allocd, "HTTP connections cannot be accepted")) == 1
    wait_until(lambda: lines_with(allocd, "HTTP connections are accepted again"), "the log to say so")
    assert "refusals=3" in lines_with(allocd, "HTTP connections are accepted again")[0]


NO_WATCH = """
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int is_listening;
    socklen_t size = sizeof is_listening;
    if (operation == EPOLL_CTL_ADD && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(epoll_ctl)(epoll, operation, fd, event);
}
"""


def test_a_descriptor_that_the_kernel_does_not_watch_ends_the_worker(launched_with):
    """Otherwise its HTTP address would take connections, and never answer."""
    allocd = launched_with(NO_WATCH)

    assert allocd.wait() == 75
    [line] = lines_with(allocd, "level=error")
    assert "a descriptor cannot be watched" in line and "No space left on device" in line


NO_THREAD = """
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return EAGAIN;
}
"""


def test_a_thread_that_cannot_be_started_is_logged(launched_with):
    allocd = launched_with(NO_THREAD)

    assert allocd.wait() == 75
    assert lines_with(allocd, "cannot start a thread")


COMPLAINT = """
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    %s;
    return REAL(getaddrinfo)(host, port, hints, found);
}
"""


def test_warnings_of_libevent_are_logged_at_debug(launched_with):
    allocd = launched_with(COMPLAINT % 'event_warnx("a complaint\\nof two lines")', ALLOCD_LOG_LEVEL="debug")
    wait_until(allocd.ready_or_dead, "allocd to be ready")

    line = lines_with(allocd, "msg=libevent")[0]
    assert "level=debug" in line and "a complaint" in line and "of two lines" in line


def test_a_fatal_error_of_libevent_is_logged_as_an_error(launched_with):
    allocd = launched_with(COMPLAINT % 'event_errx(1, "the end")', ALLOCD_LOG_LEVEL="error")

    assert allocd.wait() == 1
    [line] = allocd.log_lines()
    assert "level=error" in line and "the end" in line


def test_an_unfinished_request_does_not_delay_the_end_of_the_worker(launched_with):
    """The worker ends without waiting for clients whose request is incomplete."""
    allocd = launched_with("")
    wait_until(allocd.ready_or_dead, "allocd to be ready")
    with requests.Session() as session:
        assert session.get(allocd.url("/livez"), timeout=5).status_code == 200
        assert allocd.stop() == 0
