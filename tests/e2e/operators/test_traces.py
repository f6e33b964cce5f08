"""Traces over OTLP: from a publisher to the event, and a receiver in trouble that is never in the way."""

import itertools
import json
import os
import re
import signal
import time

import pytest
import requests
import trace_receiver
from installation import unique, wait_until
from redis_nodes import Certificate
from trace_receiver import attributes, CLIENT, CONSUMER, INTERNAL, receiving, SERVER

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
UNSAMPLED = TRACE[:-2] + "00"


@pytest.fixture
def receiver():
    with receiving() as it:
        yield it


def start(allocd, receiver, **settings):
    allocd.start(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **settings)


def header(allocd, path, fields, trace):
    return requests.post(allocd.url(path), json=fields, headers={"traceparent": trace}, timeout=10)


def metric(allocd, name):
    return float(re.search(rf"^{name} (.+)$", allocd.get("/metrics").text, re.M)[1])


def test_a_message_is_traced_from_its_publisher_to_its_event(parked, receiver):
    start(parked, receiver, OTEL_SERVICE_NAME="stock", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=te%20st")
    sku, events = unique("sku"), parked.listen()
    parked.stock(sku, batch=10)
    wait_until(lambda: parked.query("select 1 from batches"), "the batch, in a unit of its own")

    parked.allocate(sku, "order", 3, id="the-id", traceparent=TRACE)

    event = events.expect("line_allocated", sku=sku)
    parked.stop()  # which sends what waits
    found = receiver.of_trace(TRACE_ID)
    process = found[f"process {parked.prefix}allocate"]
    assert process["kind"] == CONSUMER
    assert process["parentSpanId"] == TRACE.split("-")[2]
    assert event["traceparent"] == f"00-{TRACE_ID}-{process['spanId']}-01"
    assert attributes(process) == {
        **attributes(process),
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": f"{parked.prefix}allocate",
        "messaging.message.id": "the-id",
        "allocd.message": "allocate",
        "allocd.sku": sku,
        "allocd.outcome": "handled",
    }
    unit = found["unit of work"]
    assert (unit["kind"], unit["parentSpanId"]) == (INTERNAL, process["spanId"])
    assert attributes(unit)["allocd.unit.messages"] == "1"
    flush = found["flush"]
    assert (flush["kind"], flush["parentSpanId"]) == (CLIENT, unit["spanId"])
    server = {key: value for key, value in attributes(flush).items() if key.startswith("server.")}
    assert server["server.address"]
    assert attributes(flush) == {
        "db.system.name": "postgresql",
        "db.operation.name": "flush",
        "db.namespace": parked.query("select current_database()")[0][0],
        **server,
    }
    publish = found["publish line_allocated"]
    assert (publish["kind"], publish["parentSpanId"]) == (CLIENT, process["spanId"])
    assert attributes(publish)["messaging.batch.message_count"] == "1"
    for span in (process, publish):
        address = f"{attributes(span)['server.address']}:{attributes(span)['server.port']}"
        assert address in parked.log.read_text()  # "connected to Redis"
    for span in found.values():
        start_ns, end_ns = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert 0 <= end_ns - start_ns < 10e9 and abs(time.time_ns() - end_ns) < 60e9, span
    resource = receiver.resources[0]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("stock", "te st")
    assert resource["service.instance.id"]


def test_a_command_over_http_is_a_child_of_its_request(parked, receiver):
    start(parked, receiver)
    sku = unique("sku")

    answer = header(parked, "/allocate", {"orderid": "order", "sku": sku, "qty": 1}, TRACE)

    assert answer.status_code == 400
    parked.stop()
    found = receiver.of_trace(TRACE_ID)
    request, process = found["POST /allocate"], found["process allocate"]
    assert (request["kind"], request["parentSpanId"]) == (SERVER, TRACE.split("-")[2])
    assert attributes(request)["http.response.status_code"] == "400"
    assert attributes(request)["http.route"] == "/allocate"
    assert process["parentSpanId"] == request["spanId"]
    assert attributes(process)["error.type"] == "invalid_sku"
    assert process["status"] == {"code": 2, "message": f"invalid sku {sku}"}


def test_a_request_and_its_message_are_sampled_together(parked, receiver):
    start(parked, receiver, OTEL_TRACES_SAMPLER_ARG="0.5")

    for i in range(40):
        parked.post("/allocate", {"orderid": f"o{i}", "sku": "unknown", "qty": 1})

    parked.stop()
    request_ids = {span["spanId"] for span in receiver.named("POST /allocate")}
    assert {span.get("parentSpanId") for span in receiver.named("process allocate")} == request_ids
    assert 0 < len(request_ids) < 40


def test_a_stream_entry_is_traced_with_its_group(parked, receiver):
    start(parked, receiver, OTEL_TRACES_SAMPLER="always_on")
    sku = unique("sku")
    command = json.dumps({"batchref": unique("b"), "sku": sku, "qty": 1})
    entry = {"type": "create_batch", "data": command, "traceparent": TRACE}

    entry_id = parked.redis.xadd(parked.prefix + "allocd:commands", entry).decode()

    wait_until(lambda: parked.query("select 1 from batches"), "the batch")
    parked.stop()
    process = receiver.of_trace(TRACE_ID)[f"process {parked.prefix}allocd:commands"]
    assert attributes(process)["messaging.consumer.group.name"] == "allocd"
    assert attributes(process)["messaging.message.id"] == entry_id


def test_only_what_is_sampled_is_traced(parked, receiver):
    start(parked, receiver, OTEL_TRACES_SAMPLER_ARG="0")
    sku, events = unique("sku"), parked.listen()
    parked.stock(sku, batch=10)

    parked.allocate(sku, "root", 1)
    parked.allocate(sku, "unsampled", 1, traceparent=UNSAMPLED)
    parked.allocate(sku, "sampled", 1, traceparent=TRACE)

    assert "traceparent" not in events.expect("line_allocated", orderid="root")
    events.expect("line_allocated", orderid="unsampled", traceparent=UNSAMPLED)
    assert events.expect("line_allocated", orderid="sampled")["traceparent"].startswith(f"00-{TRACE_ID}-")
    parked.stop()
    assert len(receiver.named(f"process {parked.prefix}allocate")) == 1
    assert {span["traceId"] for span in receiver.spans} == {TRACE_ID}


def test_messages_that_are_committed_together_are_linked_to_their_unit(parked, receiver):
    start(parked, receiver, OTEL_TRACES_SAMPLER="always_on")
    sku, events = unique("sku"), parked.listen()
    pipe = parked.redis.pipeline(transaction=True)
    create = {"batchref": unique("batch"), "sku": sku, "qty": 100}
    pipe.publish(parked.prefix + "create_batch", json.dumps(create))
    for i in range(20):
        pipe.publish(parked.prefix + "allocate", json.dumps({"orderid": f"o{i}", "sku": sku, "qty": 1}))
    pipe.execute()

    for i in range(20):
        events.expect("line_allocated", orderid=f"o{i}")
    parked.stop()
    processes = {span["spanId"]: span for span in receiver.named(f"process {parked.prefix}allocate")}
    units = {span["spanId"]: span for span in receiver.named("unit of work")}
    linked = {link["spanId"]: unit for unit, span in units.items() for link in span["links"]}
    assert len(processes) == 20 and len(units) < 20
    for span_id, span in processes.items():
        assert [link["spanId"] for link in span["links"]] == [linked[span_id]]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "jaeger"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
    ],
    ids=["no endpoint", "disabled", "no exporter", "another exporter", "another protocol", "another protocol of traces"],
)
def test_nothing_is_traced(parked, receiver, settings):
    parked.start(**({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url} if settings else {}), **settings)
    sku, events = unique("sku"), parked.listen()
    parked.stock(sku, batch=10)

    parked.allocate(sku, "order", 3, traceparent=TRACE)

    events.expect("line_allocated", traceparent=TRACE)
    assert metric(parked, "allocd_spans_exported_total") == 0
    parked.stop()
    assert receiver.requests == 0
    warned = [line for line in parked.log_lines() if "no traces are exported" in line]
    unknown = {"jaeger", "grpc", "http/protobuf"} & set(settings.values())
    assert len(warned) == len(unknown) and all(value in warned[0] for value in unknown)


def test_a_variable_of_traces_precedes_that_of_all_signals(parked, receiver):
    asked = []
    receiver.behave = lambda handler: (asked.append(dict(handler.headers)), trace_receiver.hangs(handler))
    start(
        parked, receiver, OTEL_TRACES_SAMPLER="always_on",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/json",
        OTEL_EXPORTER_OTLP_HEADERS="x-of=all,x-more=1", OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-of=traces",
        OTEL_EXPORTER_OTLP_TIMEOUT="60000", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="200",
    )  # fmt: skip
    parked.stock(unique("sku"), batch=10)

    wait_until(lambda: "traces cannot be exported" in parked.log.read_text(), "the end of the receiver's time")
    assert asked[0]["x-of"] == "traces" and "x-more" not in asked[0]


def test_headers_go_to_the_receiver_and_not_to_the_log(parked, receiver):
    start(parked, receiver, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20sesame,x-scope=a", OTEL_TRACES_SAMPLER="always_on")
    parked.stock(unique("sku"), batch=10)
    wait_until(lambda: parked.query("select 1 from batches"), "the batch")
    parked.stop()

    assert receiver.headers[0]["authorization"] == "Bearer sesame"
    assert receiver.headers[0]["x-scope"] == "a"
    assert "sesame" not in parked.log.read_text()
    assert "sesame" not in parked.run("config", OTEL_EXPORTER_OTLP_HEADERS="authorization=sesame").stdout


WRONG = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317",
    "OTEL_EXPORTER_OTLP_HEADERS": "x",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "10s",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "10s",
    "OTEL_RESOURCE_ATTRIBUTES": "=x",
    "OTEL_TRACES_SAMPLER": "xray",
    "OTEL_TRACES_SAMPLER_ARG": "1.5",
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_ends_the_program(parked, setting):
    ended = parked.run("run", **{setting: WRONG[setting]})

    assert ended.returncode == 78
    assert setting in ended.stderr and "expected" in ended.stderr


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_receiver_proves_who_it_is(parked, tmp_path, is_trusted):
    certificate = Certificate(tmp_path)
    with receiving(certificate) as receiver:
        start(parked, receiver, OTEL_TRACES_SAMPLER="always_on", **({"SSL_CERT_FILE": str(certificate.file)} if is_trusted else {}))
        parked.stock(unique("sku"), batch=1)
        wait_until(lambda: receiver.spans or "traces cannot be exported" in parked.log.read_text(), "the first batch")

        assert bool(receiver.spans) == is_trusted
    parked.stop()
    assert ("certificate" in parked.log.read_text()) != is_trusted


# ---- a receiver in trouble ----


FAULTS = {
    "hangs": trace_receiver.hangs,
    "closes in the middle": trace_receiver.closes_in_the_middle,
    "is too busy": trace_receiver.is_too_busy,
    "is unavailable": trace_receiver.is_unavailable,
    "refuses connections": None,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_receiver_in_trouble_is_not_in_the_way(parked, receiver, fault):
    receiver.behave = FAULTS[fault]
    if not receiver.behave:
        receiver.close()
    # Of freed memory a sanitizer keeps less than usual.
    sanitizer = f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    start(parked, receiver, OTEL_TRACES_SAMPLER="always_on", OTEL_EXPORTER_OTLP_TIMEOUT="3000", ASAN_OPTIONS=sanitizer)
    sku = unique("sku")
    assert parked.post("/add_batch", {"batchref": "batch", "sku": sku, "qty": 1000000}).status_code == 201
    for i in range(200):
        header(parked, "/allocate", {"orderid": f"o{i}", "sku": sku, "qty": 1}, TRACE)
    before = metric(parked, "process_resident_memory_bytes")
    slowest = 0.0
    until = time.monotonic() + 6
    for i in itertools.count():
        began = time.monotonic()
        assert header(parked, "/allocate", {"orderid": f"p{i}", "sku": sku, "qty": 1}, TRACE).status_code == 202
        slowest = max(slowest, time.monotonic() - began)
        if began > until:
            break

    assert slowest < 2, "no message waits for the receiver, which is given 3 s"
    assert metric(parked, "process_resident_memory_bytes") - before < 32e6
    parked.stop()
    lines = [line for line in parked.log_lines() if "traces" in line]
    assert len(lines) == 1 and "traces cannot be exported" in lines[0], lines


def test_a_batch_is_sent_again_after_what_the_receiver_asks_for(parked, receiver):
    receiver.behave = trace_receiver.is_too_busy
    start(parked, receiver, OTEL_TRACES_SAMPLER="always_on")
    parked.stock(unique("sku"), batch=1)
    wait_until(lambda: receiver.requests == 1, "the first attempt")
    began = time.monotonic()
    receiver.behave = None

    wait_until(lambda: receiver.spans, "the second attempt")

    assert 1.5 < time.monotonic() - began < 6
    assert receiver.named(f"process {parked.prefix}create_batch")
    wait_until(lambda: any("traces are exported again" in line for line in parked.log_lines()), "the line")
    assert metric(parked, "allocd_spans_dropped_total") == 0


def test_the_end_waits_for_a_receiver_that_hangs_less_than_a_second(parked, receiver):
    receiver.behave = trace_receiver.hangs
    start(parked, receiver, OTEL_TRACES_SAMPLER="always_on")
    parked.stock(unique("sku"), batch=1)
    wait_until(lambda: metric(parked, "allocd_unit_size_messages_count") >= 1, "the commit")

    began = time.monotonic()
    assert parked.stop(signal.SIGTERM) == 0

    assert time.monotonic() - began < 5  # the request alone may take 10 s
