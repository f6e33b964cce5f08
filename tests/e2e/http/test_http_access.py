"""Authorization over HTTP: by token, by the Host of a request, by the page that sent it."""

import contextlib
import socket
import subprocess
import time

import pytest
import requests
from installation import TIMEOUT_S, at_least, unique, wait_until

PROBES = ("/livez", "/readyz", "/metrics")
TOKEN = "t0ken-of-the-test"
STRANGER = "evil.example"


def batch():
    return {"ref": unique("ref"), "sku": unique("sku"), "qty": 1}


def ask(allocd, method, path, json=None, **headers):
    """`headers` are named as keywords: Sec_Fetch_Site is Sec-Fetch-Site."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, allocd.url(path), json=json, headers=headers, timeout=TIMEOUT_S)


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["type"].removeprefix("urn:allocd:problem:")


def count_batches(allocd):
    [[count]] = allocd.query("select count(*) from batches")
    return count


# The token.


def test_with_a_token_set_only_probes_are_answered_without_it(parked):
    parked.start(ALLOCD_HTTP_TOKEN=TOKEN)
    good, bad = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}x"}

    for wrong in ({}, bad):
        for method, path, json in (("POST", "/add_batch", batch()), ("GET", "/allocations/o", None), ("GET", "/x", None)):
            answer = ask(parked, method, path, json, **wrong)
            assert (answer.status_code, problem(answer)) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert count_batches(parked) == 0
    assert [ask(parked, "GET", path).status_code for path in PROBES] == [200, 200, 200]
    assert ask(parked, "POST", "/add_batch", batch(), **good).status_code == 201
    assert ask(parked, "GET", "/allocations/o", **good).status_code == 404
    assert TOKEN not in parked.log.read_text()


def test_the_token_can_be_read_from_a_file(parked, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    parked.start(ALLOCD_HTTP_TOKEN_FILE=str(file))

    assert ask(parked, "POST", "/add_batch", batch()).status_code == 401
    assert ask(parked, "POST", "/add_batch", batch(), Authorization=f"bearer {TOKEN}").status_code == 201


def test_no_command_prints_the_token(parked):
    shown = parked.run("config", ALLOCD_HTTP_TOKEN=TOKEN)
    as_option = parked.run("run", "--http-token", TOKEN)

    assert "ALLOCD_HTTP_TOKEN=***" in shown.stdout.replace('"', "")
    assert (shown.returncode, as_option.returncode) == (0, 78)
    assert TOKEN not in shown.stdout + shown.stderr + as_option.stdout + as_option.stderr


@pytest.mark.parametrize(("setting", "value"), [
    ("ALLOCD_HTTP_TOKEN", "two words"), ("ALLOCD_HTTP_OPEN", "yes"), ("ALLOCD_HTTP_NAMES", "allocd:5005"),
    ("ALLOCD_HTTP_NAMES", "a,,b"), ("ALLOCD_HTTP_NAMES", "http://allocd")])  # fmt: skip
def test_an_invalid_http_setting_ends_the_program(parked, setting, value):
    done = parked.run("config", **{setting: value})

    assert done.returncode == 78
    assert setting in done.stderr


# Addresses that other machines reach.


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_without_a_token_other_machines_can_only_read(parked, host):
    port = parked.http.split(":")[1]
    parked.start(ALLOCD_HTTP=f"{host}:{port}")

    answer = ask(parked, "POST", "/add_batch", batch())

    assert (answer.status_code, problem(answer)) == (403, "not-open")
    assert "ALLOCD_HTTP_OPEN" in answer.json()["message"]
    assert count_batches(parked) == 0
    assert ask(parked, "GET", "/allocations/o").status_code == 404
    [line] = [line for line in parked.log_lines() if "commands over HTTP are refused" in line]
    assert "ALLOCD_HTTP_TOKEN" in line and "level=warn" in line


@pytest.mark.parametrize("settings", [{"ALLOCD_HTTP_OPEN": "on"}, {"ALLOCD_HTTP_TOKEN": TOKEN}], ids=["open", "token"])
def test_http_open_or_a_token_lets_other_machines_send_commands(parked, settings):
    port = parked.http.split(":")[1]
    parked.start(ALLOCD_HTTP=f"0.0.0.0:{port}", **settings)

    assert ask(parked, "POST", "/add_batch", batch(), Authorization=f"Bearer {TOKEN}").status_code == 201
    assert "commands over HTTP are refused" not in parked.log.read_text()


# Pages that a browser shows (DNS rebinding, cross-site requests).

STRANGERS = {
    "a host of a stranger's": ({"Host": STRANGER}, 421, "other-host"),
    "a host and a page of a stranger's": (
        {"Host": f"{STRANGER}:5005", "Origin": f"http://{STRANGER}:5005"}, 421, "other-host"),
    "a page of a stranger's": ({"Origin": f"http://{STRANGER}"}, 403, "other-origin"),
    "a page without an origin": ({"Origin": "null"}, 403, "other-origin"),
    "a page on another port": ({"Origin": "http://127.0.0.1:1"}, 403, "other-origin"),
    "a browser that says so": ({"Sec_Fetch_Site": "cross-site"}, 403, "other-origin"),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "status", "kind"), STRANGERS.values(), ids=STRANGERS.keys())
def test_a_page_of_another_origin_cannot_send_commands(module_allocd, headers, status, kind):
    before = count_batches(module_allocd)

    answer = ask(module_allocd, "POST", "/add_batch", batch(), **headers)

    assert (answer.status_code, problem(answer)) == (status, kind)
    assert count_batches(module_allocd) == before


def test_a_page_cannot_read_by_a_host_name_of_its_own(module_allocd):
    assert ask(module_allocd, "GET", "/allocations/o", Host=STRANGER).status_code == 421
    wait_until(module_allocd.ready, "the worker to be ready")
    assert [ask(module_allocd, "GET", path, Host=STRANGER).status_code for path in PROBES] == [200, 200, 200]


def test_the_worker_accepts_its_own_host_names(module_allocd):
    port = module_allocd.http.split(":")[1]
    for host in ("localhost", f"127.0.0.1:{port}", f"[::1]:{port}", "192.0.2.1", "allocd:5005", socket.gethostname()):
        assert ask(module_allocd, "POST", "/add_batch", batch(), Host=host).status_code == 201, host
    same = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}", "Sec_Fetch_Site": "same-origin"}
    assert ask(module_allocd, "POST", "/add_batch", batch(), **same).status_code == 201


def test_further_host_names_are_accepted_by_a_setting(parked):
    parked.start(ALLOCD_HTTP_NAMES="stock.example.com,allocd.example.com")

    for host in ("stock.example.com", "Allocd.Example.com:443"):
        answer = ask(parked, "POST", "/add_batch", batch(), Host=host, Origin=f"https://{host.removesuffix(':443')}")
        assert answer.status_code == 201
    assert ask(parked, "POST", "/add_batch", batch(), Host="example.com").status_code == 421


# Readiness for HTTP alone.


def test_commands_over_http_are_committed_while_redis_is_away(on_own_redis, own_redis):
    own_redis.stop()
    wait_until(lambda: on_own_redis.get("/readyz").status_code == 503, "the worker not to be ready")

    assert on_own_redis.get("/readyz?for=http").text == "ready\n"
    assert on_own_redis.post("/add_batch", batch()).status_code == 201
    own_redis.start()


def test_http_is_not_ready_while_the_database_is_away(on_own_postgres, own_postgres):
    assert on_own_postgres.get("/readyz?for=http").status_code == 200
    own_postgres.stop()

    answer = wait_until(lambda: at_least(1, refusals(on_own_postgres)), "HTTP not to be ready")[0]
    assert problem(answer) == "not-ready"
    assert "Redis" not in answer.json()["message"]
    own_postgres.start()
    wait_until(lambda: not refusals(on_own_postgres), "HTTP to be ready again")


def refusals(allocd):
    answer = allocd.get("/readyz?for=http")
    return [answer] if answer.status_code == 503 else []


def test_readiness_for_an_unknown_purpose_is_an_error(module_allocd):
    answer = module_allocd.get("/readyz?for=stream")

    assert (answer.status_code, problem(answer)) == (400, "invalid")


# Bodies that are announced.


@pytest.fixture
def client(module_allocd):
    host, port = module_allocd.http.split(":")
    with contextlib.closing(socket.create_connection((host, int(port)), TIMEOUT_S)) as connection:
        yield connection


def head(size, expectation):
    return (f"POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {size}\r\nExpect: {expectation}\r\n\r\n").encode()  # fmt: skip


@pytest.mark.parametrize(("size", "expectation", "status"), [
    (400_000, "100-continue", 413), (65_537, "100-continue", 413), (100, "200-ok", 417)])  # fmt: skip
def test_a_request_that_is_refused_gets_no_100_continue(client, size, expectation, status):
    begin = time.monotonic()
    client.sendall(head(size, expectation))

    assert client.recv(4096).startswith(b"HTTP/1.1 %d " % status)
    assert time.monotonic() - begin < 5


def test_a_client_that_expects_100_continue_receives_it_before_the_body(client):
    body = b'{"ref":"%s","sku":"sku","qty":1}' % unique("ref").encode()
    client.sendall(head(65_536, "100-continue"))
    assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"

    client.sendall(body + b" " * (65_536 - len(body)))

    assert client.recv(4096).startswith(b"HTTP/1.1 201 ")


def test_a_client_that_sends_its_body_at_once_can_read_the_refusal(module_allocd, tmp_path):
    """curl, with a body that fits into no buffer on the way."""
    body = tmp_path / "body"
    body.write_bytes(b" " * 8_000_000)
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--header", "Content-Type: application/json"]

    for more in (["--header", "Expect:"], ["--header", "Transfer-Encoding: chunked", "--header", "Expect:"], []):
        done = subprocess.run([*command, *more, "--data-binary", f"@{body}", module_allocd.url("/add_batch")],
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert '"urn:allocd:problem:too-large"' in done.stdout, done.stderr
