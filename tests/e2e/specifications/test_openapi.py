"""A worker answers as its OpenAPI document says, and serves nothing that the document lacks."""

import json
import re

import pytest
import requests
from installation import wait_until
from changed_json import with_change
from openapi import ADMIN_TOKEN, HTTP_TOKEN, METHODS, TOKENS, Specification, of_answer

TIMEOUT_S = 20
LETTERS = "/admin/dead-letters"


class Client:
    """Sends requests, and keeps what was answered."""

    def __init__(self, allocd):
        self.allocd, self.exchanges = allocd, []

    def ask(self, method, template, body=None, query="", token=ADMIN_TOKEN, headers=(), **names):
        """`names` are put into the path; an operation under /admin takes the admin token."""
        path = template.format(**names)
        sent = {"Authorization": f"Bearer {token if template.startswith('/admin') else HTTP_TOKEN}", **dict(headers)}
        with requests.request(
            method, self.allocd.url(path) + query, json=body, headers=sent, timeout=TIMEOUT_S, stream=template == "/admin/live"
        ) as answer:
            if template == "/admin/live" and answer.status_code == 200:
                answer._content = next(answer.iter_content(1))  # it does not end
            self.exchanges.append(of_answer(method, template, answer))
        return self.exchanges[-1]

    def get(self, template, query="", **more):
        return self.ask("get", template, query=query, **more)

    def post(self, template, body, **more):
        return self.ask("post", template, body, **more)


def commands(client):
    lamp = {"sku": "lamp", "qty": 10}
    json_wanted = {"Accept": "application/json"}
    client.post("/add_batch", {"ref": "shelf", "sku": "lamp", "qty": 100})
    client.post("/add_batch", {"ref": "ship", "sku": "lamp", "qty": 100, "eta": "2030-01-31"}, headers=json_wanted)
    client.post("/add_batch", {"ref": "shelf", "sku": "other", "qty": 100})  # taken
    for order in ("order-1", "order-2", "order-3", "order-4"):
        client.post("/allocate", {"orderid": order, "id": f"id-of-{order}", **lamp}, headers=json_wanted)
    client.post("/allocate", {"orderid": "order-1", "id": "id-of-order-1", **lamp}, headers=json_wanted)  # a duplicate
    client.post("/allocate", {"orderid": "order-1", "id": "id-of-order-1", "sku": "lamp", "qty": 11})  # its id is spent
    client.post("/allocate", {"orderid": "order-5", "sku": "lamp", "qty": 1000}, headers=json_wanted)  # out of stock
    client.post("/allocate", {"orderid": "order-1", "sku": "no-such-sku", "qty": 1})
    client.post("/allocate", {"orderid": 5})
    client.post("/allocate", {"orderid": "a" * 70000, **lamp})
    client.post("/allocate", {"orderid": "order-1", **lamp}, headers={"Content-Type": "text/plain"})
    client.post("/ship", {"orderid": "order-1", **lamp}, headers=json_wanted)
    client.post("/deallocate", {"orderid": "order-2", **lamp}, headers=json_wanted)
    client.post("/order_cancelled", {"orderid": "order-3"}, headers=json_wanted)
    client.post("/change_batch_quantity", {"batchref": "shelf", "qty": 80})
    client.post("/change_batch_quantity", {"batchref": "no-such-batch", "qty": 80})
    client.post("/admin/commands/{name}", {"orderid": "order-6", **lamp}, name="allocate")
    client.post("/admin/commands/{name}", {"orderid": "order-6", **lamp}, name="no-such-command")


def reads(client):
    for path, name, known, unknown in (
        ("/products/{sku}", "sku", "lamp", "no-such-sku"),
        ("/batches/{batchref}", "batchref", "ship", "no-such-batch"),
        ("/allocations/{orderid}", "orderid", "order-4", "no-such-order"),
        ("/events/{sku}", "sku", "lamp", "no-such-sku"),
        ("/schemas/{name}.json", "name", "allocate", "no-such-schema"),
        ("/assets/{file}", "file", re.search(r"assets/([^\"]+)", client.get("/").body)[1], "no-such-file.js"),
        ("/admin/messages/{id}", "id", "id-of-order-1", "no-such-id"),
    ):
        for value in (known, unknown, "%00"):
            client.get(path, **{name: value})
    client.get("/products/{sku}", "?after=shelf", sku="lamp")
    client.get("/products/{sku}", "?after=no-such-batch", sku="lamp")
    client.get("/allocations/{orderid}", "?full", orderid="order-4")
    client.get("/allocations/{orderid}", "?full=yes", orderid="order-4")
    client.get("/events/{sku}", "?after=2&epoch=1", sku="lamp")
    client.get("/events/{sku}", "?after=x", sku="lamp")
    for path in ("/livez", "/readyz", "/metrics", "/asyncapi.json", "/openapi.json"):
        client.get(path)
    client.get("/openapi.json", headers={"If-None-Match": '"another"'})
    for query in ("?verbose", "?for=http", "?for=x"):
        client.get("/readyz", query)


def watching(client):
    client.get("/admin/status")
    for query in ("", "?step=60", "?step=2"):
        client.get("/admin/series", query)
    client.get("/admin/live", "?topics=status")
    client.get("/admin/live", "?topics=weather")
    wait_until(lambda: client.get("/admin/events", "?sku=lamp&limit=1").body["events"], "the events in their stream")
    client.get("/admin/events", "?type=line_shipped")
    client.get("/admin/events", "?limit=0")
    client.get("/admin/blind-windows")


def letters(client):
    for number in range(4):
        client.allocd.allocate("missing", f"order-{number}", 1)
    client.allocd.send("allocate", b"{")
    client.allocd.await_dead_letters(5)
    client.get(f"{LETTERS}/groups")
    first, second, third, *_ = [letter["id"] for letter in client.get(LETTERS, "?limit=3").body["dead_letters"]]
    client.get(LETTERS, "?outcome=invalid")
    client.get(LETTERS, "?outcome=sad")
    client.get(f"{LETTERS}/export", "?message=allocate")
    client.get(f"{LETTERS}/export", "?older-than=yesterday")
    for letter in (first, 10**9, "x"):
        client.get(LETTERS + "/{id}", id=letter)
    client.post(f"{LETTERS}/rehearsals", {"ids": [first], "edits": {"sku": "lamp"}})
    client.post(f"{LETTERS}/rehearsals", {"ids": [10**9]})
    client.post(f"{LETTERS}/discards", {"ids": [second], "note": "a test"})
    client.post(f"{LETTERS}/discards", {"filter": {"outcome": "invalid"}, "expected_count": 7})
    client.get(LETTERS + "/{id}", "?discarded", id=second)
    client.post(f"{LETTERS}/restores", {"ids": [second]})
    client.post(f"{LETTERS}/replays", {"ids": [first], "edits": {"sku": "lamp"}, "rate": 50})
    client.post(f"{LETTERS}/replays", {"filter": {"outcome": "rejected"}, "expected_count": 99})
    await_jobs(client)  # two run at a time
    job = client.post(f"{LETTERS}/replays", {"ids": [third]}).body["id"]
    jobs(client, job, first)


def await_jobs(client):
    wait_until(lambda: all(job["ended_at"] for job in client.get("/admin/jobs").body["jobs"]), "all jobs to end")


def jobs(client, job, letter):
    ended = lambda: client.get("/admin/jobs/{id}", id=job).body["ended_at"]  # noqa: E731
    wait_until(ended, "the replay")
    client.get("/admin/jobs")
    client.get("/admin/jobs/{id}", id="no-such-job")
    client.ask("delete", "/admin/jobs/{id}", id=job)
    client.ask("delete", "/admin/jobs/{id}", id="no-such-job")
    client.get(LETTERS + "/{id}", id=letter)
    client.post("/admin/republish", {"sku": "lamp", "from_version": 1})
    client.post("/admin/republish", {"sku": "no-such-sku", "from_version": 1})


def refused(client, specification):
    """Requests that every operation refuses."""
    for method, path in specification.operations():
        names = dict.fromkeys(re.findall(r"\{(\w+)\}", path), "x")
        for headers in ({"Host": "elsewhere.example"}, {"Origin": "http://elsewhere.example"}, {"Authorization": ""}):
            client.ask(method, path, {} if method == "post" else None, headers=headers, **names)
        if method == "post":
            for body in ({}, [], {"no_such_member": 1}):
                client.post(path, body, **names)
    client.get("/admin/jobs", token="a-wrong-token")


@pytest.fixture(scope="module")
def specification(guarded):
    return Specification(json.loads(guarded.run("schema", "--openapi").stdout))


@pytest.fixture(scope="module")
def exchanges(guarded, specification):
    client = Client(guarded)
    for step in (commands, reads, watching, letters):
        step(client)
    refused(client, specification)
    return client.exchanges


def test_every_answer_is_one_that_the_document_declares(specification, exchanges):
    wrong = []
    for exchange in exchanges:
        try:
            specification.check(exchange)
        except AssertionError as error:
            wrong.append(str(error))
    assert wrong == []


def test_a_worker_without_its_database_answers_as_the_document_declares(parked, specification):
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/allocd", "ALLOCD_START_WAIT": "60"}
    parked.launch(**nowhere, ALLOCD_HTTP_TOKEN=HTTP_TOKEN, ALLOCD_ADMIN_TOKEN=ADMIN_TOKEN)
    wait_until(parked.readiness, "the worker to answer")
    client = Client(parked)

    for method, path in specification.operations():
        client.ask(method, path, {} if method == "post" else None, **dict.fromkeys(re.findall(r"\{(\w+)\}", path), "x"))
    client.get("/readyz", "?verbose")

    for exchange in client.exchanges:
        specification.check(exchange)
    late = {exchange.path for exchange in client.exchanges if exchange.status == 503}
    assert {"/allocate", "/products/{sku}", "/readyz", "/admin/jobs", "/admin/live"} <= late


def test_every_operation_was_asked_and_has_succeeded(specification, exchanges):
    succeeded = {(exchange.method, exchange.path) for exchange in exchanges if exchange.status < 300}

    assert succeeded == set(specification.operations())


def test_the_document_has_each_route_of_the_program_and_no_other(guarded, specification):
    counted = guarded.get("/metrics").text
    routes = set(re.findall(r'^allocd_http_requests_total\{route="([^"]+)"', counted, re.MULTILINE))

    assert routes - {"other"} == set(specification.document["paths"])


def test_each_path_takes_the_methods_that_the_document_has(guarded, specification):
    for path, item in specification.document["paths"].items():
        url = guarded.url(path.format(**dict.fromkeys(re.findall(r"\{(\w+)\}", path), "x")))
        token = ADMIN_TOKEN if path.startswith("/admin") else HTTP_TOKEN
        answer = requests.put(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S)
        expected = [method for name in METHODS if name in item for method in {"get": ["GET", "HEAD"]}.get(name, [name.upper()])]
        assert (answer.status_code, answer.headers.get("Allow", "").split(", ")) == (405, expected), path


def test_a_token_is_asked_for_where_the_document_says_so(guarded, specification):
    for (method, path), operation in specification.operations().items():
        url = guarded.url(path.format(**dict.fromkeys(re.findall(r"\{(\w+)\}", path), "x")))
        takes = {
            name
            for name, token in {**TOKENS, "none": ""}.items()
            if requests.request(
                method, url, json={} if method == "post" else None, timeout=TIMEOUT_S, stream=True,
                headers={"Authorization": f"Bearer {token}"} if token else {},
            ).status_code != 401
        }  # fmt: skip
        declared = {name for alternative in operation["security"] for name in alternative}
        assert takes == (declared or {*TOKENS, "none"}), (method, path)


@pytest.mark.parametrize("path", ["/admin/dead-letters", "/admin/dead-letters/groups", "/admin/dead-letters/export"])
def test_each_filter_of_dead_letters_is_documented(guarded, specification, path):
    """The program names those that it takes."""
    said = Client(guarded).get(path, "?no-such-filter=1").body["message"]
    documented = {parameter["name"] for parameter in specification.operations()["get", path]["parameters"]}

    assert documented - {"limit", "cursor"} == set(said.split("expected one of ")[1].split(", "))


@pytest.mark.parametrize("path", [f"{LETTERS}/{name}" for name in ("discards", "restores", "rehearsals", "replays")] + ["/admin/republish"])
def test_each_member_of_a_change_is_documented(guarded, specification, path):
    said = Client(guarded).post(path, {"no_such_member": 1}).body["message"]
    body = specification.operations()["post", path]["requestBody"]["content"]["application/json"]["schema"]

    assert set(specification.resolved(body)["properties"]) == set(said.split("expected one of ")[1].split(", "))


# Each is a fault of the document, and what the check then says.
FAULTS = [
    (["paths", "/batches/{batchref}"], None, "is not documented"),
    (["paths", "/allocate", "post", "responses", "409"], None, "has a status that is not documented"),
    (["paths", "/livez", "get", "responses", "200", "content"], {"application/json": {"schema": {}}}, "is of none of ['application/json']"),
    (["components", "schemas", "Batch", "properties", "eta"], None, "'eta' was unexpected"),
    (["components", "schemas", "Product", "properties", "version", "type"], "string", "is not of type 'string'"),
    (["components", "schemas", "Job", "required"], ["id", "progress"], "'progress' is a required property"),
    (["components", "schemas", "line_allocated", "required"], ["customer"], "is not valid under any of the given schemas"),
]


@pytest.mark.parametrize(("path", "value", "error"), FAULTS, ids=["-".join(fault[0]) for fault in FAULTS])
def test_a_fault_of_the_document_is_found(specification, exchanges, path, value, error):
    faulty = Specification(with_change(specification.document, path, value))

    with pytest.raises(AssertionError) as found:
        for exchange in exchanges:
            faulty.check(exchange)
    assert error in str(found.value)
