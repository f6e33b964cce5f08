"""A request that could be read in more than one way is refused, and what follows it is never served: sent as it is,
and through real proxies, which may read it in another way than allocd does."""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import socket
import tomllib

import http_proxies
import pytest
import requests
from installation import TIMEOUT_S, unique

POST = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CORPUS = tomllib.loads(pathlib.Path(__file__).with_name("ambiguous_requests.toml").read_text(encoding="utf-8"))
AMBIGUOUS = {
    name: entry if isinstance(entry, dict) else {"bytes": entry}
    for section in CORPUS.values()
    for name, entry in section.items()
}


# Valid requests whose bodies are themselves requests.
CARRIERS = [
    f"{method} /livez HTTP/1.1\r\nHost: localhost\r\n{framing}"
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT")
    for framing in ("Content-Length: @length@\r\n\r\n@second@",
                    "Transfer-Encoding: chunked\r\n\r\n@hex@\r\n@second@\r\n0\r\n\r\n")
]  # fmt: skip


def second_request(reference):
    """A request that adds a batch, so that the database shows whether it was served."""
    body = json.dumps({"ref": reference, "sku": "smuggled", "qty": 1})
    return POST.format("/add_batch") + f"Content-Length: {len(body)}\r\n\r\n{body}"


def written_out(text, reference):
    second = second_request(reference)
    text = text.replace("@fields*300@", "".join(f"X-Name-{number}: a\r\n" for number in range(300)))
    text = re.sub(r"@(.)\*(\d+)@", lambda match: match[1] * int(match[2]), text)
    text = text.replace("@post@", POST.format("/allocate"))
    text = text.replace("@length@", str(len(second))).replace("@hex@", f"{len(second):x}")
    return text.replace("@second@", second).encode()


def answers_to(port, *pieces):
    """Everything that the peer sends until it closes the connection."""
    answers = b""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(65536):
                answers += part
    return answers


def statuses(answers):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) [A-Z]", answers)]


def port_of(allocd):
    return int(allocd.http.split(":")[1])


def smuggled(allocd):
    rows = allocd.query("select reference from batches where product_id in (select id from products where sku = 'smuggled')")
    return {reference for [reference] in rows}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_its_connection_closed(module_allocd, name):
    reference = unique("smuggled")

    answers = answers_to(port_of(module_allocd), written_out(AMBIGUOUS[name]["bytes"], reference))

    assert statuses(answers) == [AMBIGUOUS[name].get("status", 400)], answers
    assert b"\r\nConnection: close\r\n" in answers
    assert json.loads(answers.split(b"\r\n\r\n")[1])["type"].startswith("urn:allocd:problem:")


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_an_ambiguous_request_is_refused_in_pieces_of_any_size(module_allocd, pieces):
    """Sends it after other requests, one of which waits for its commit, so that it arrives while another one is served."""
    known, before = smuggled(module_allocd), GET * 3 + order() + GET * 3
    sound = len(re.findall(r" HTTP/1\.1\r\n", before))
    for name, entry in AMBIGUOUS.items():
        data = before.encode() + written_out(entry["bytes"], unique("smuggled"))
        size = -(-len(data) // pieces)

        answers = answers_to(port_of(module_allocd), *(data[at : at + size] for at in range(0, len(data), size)))

        assert statuses(answers)[sound:] == [entry.get("status", 400)], f"{name}: {answers}"
    assert smuggled(module_allocd) == known


def order():
    body = json.dumps({"orderid": unique("order"), "sku": "none", "qty": 1})
    return POST.format("/allocate") + f"Content-Length: {len(body)}\r\n\r\n{body}"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_request_in_the_body_of_another_one_is_not_served(module_allocd, carrier):
    known = smuggled(module_allocd)

    answers = answers_to(port_of(module_allocd), written_out(carrier, unique("smuggled")), b"GET /livez\r\n\r\n")

    assert len(statuses(answers)) == 2 and statuses(answers)[1] == 400
    assert smuggled(module_allocd) == known


def test_a_request_after_a_valid_one_is_served(module_allocd):
    """A valid second request is served; otherwise the other tests here would prove nothing."""
    reference = unique("reference")

    with socket.create_connection(("127.0.0.1", port_of(module_allocd)), TIMEOUT_S) as client:
        client.sendall((GET + second_request(reference)).encode())
        answers = b""
        while len(statuses(answers)) < 2 and (part := client.recv(65536)):
            answers += part

    assert statuses(answers) == [200, 201]
    assert reference in smuggled(module_allocd)


@pytest.mark.parametrize("name", http_proxies.PROXIES)
def test_no_request_can_be_smuggled_past_a_proxy(module_allocd, tmp_path, name):
    allocd, known = module_allocd, smuggled(module_allocd)
    sku = unique("sku")
    assert allocd.post("/add_batch", {"ref": unique("ref"), "sku": sku, "qty": 100}).status_code == 201
    with http_proxies.running(name, tmp_path, allocd.http) as port:
        proxy = f"http://127.0.0.1:{port}"
        refused = requests.post(f"{proxy}/add_batch", json={"ref": unique("ref"), "sku": sku, "qty": 1}, timeout=20)
        assert refused.status_code == 403, "the proxy refuses to add batches"

        texts = [entry["bytes"] for entry in AMBIGUOUS.values()] + CARRIERS
        attacks = [written_out(text, unique("smuggled")) for text in texts]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda attack: answers_to(port, attack), attacks))

        # No later client receives the answer to a request of an attacker, either.
        for number in range(20):
            order = {"orderid": f"order-{number}", "sku": sku, "qty": 1}
            assert requests.post(f"{proxy}/allocate", json=order, timeout=20).status_code == 202
            assert requests.get(f"{proxy}/livez", timeout=20).text == "alive\n"

    assert len(answers) == len(texts)
    assert smuggled(allocd) == known
