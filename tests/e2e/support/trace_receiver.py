"""A receiver of traces that takes only what opentelemetry-proto allows, and plays the faults of real ones.

The schema has the names of trace.proto, common.proto and resource.proto in lowerCamelCase, as proto3's JSON has them,
with the exceptions of OTLP/JSON: ids in hex, enums as numbers, 64-bit numbers as strings. Unknown names are refused.
"""

import contextlib
import http.server
import json
import ssl
import threading
import time

import jsonschema
import servers


def message(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def repeated(items):
    return {"type": "array", "items": items}


def hex_id(length):
    """Ids that are all zero are invalid."""
    return {"type": "string", "pattern": f"^(?!0*$)[0-9a-f]{{{length}}}$"}


STRING = {"type": "string"}
UINT32 = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
INT64 = {"type": "string", "pattern": "^-?[0-9]{1,19}$"}
FIXED64 = {"type": "string", "pattern": "^[0-9]{1,20}$"}
VALUE = {
    "oneOf": [
        message(["stringValue"], stringValue=STRING),
        message(["intValue"], intValue=INT64),
        message(["boolValue"], boolValue={"type": "boolean"}),
        message(["doubleValue"], doubleValue={"type": "number"}),
    ]
}
ATTRIBUTES = repeated(message(["key", "value"], key={"type": "string", "minLength": 1}, value=VALUE))
CONTEXT = {"traceId": hex_id(32), "spanId": hex_id(16), "traceState": STRING, "flags": UINT32}
DROPPED = {"droppedAttributesCount": UINT32, "attributes": ATTRIBUTES}
LINK = message(["traceId", "spanId"], **CONTEXT, **DROPPED)
EVENT = message(["timeUnixNano", "name"], timeUnixNano=FIXED64, name=STRING, **DROPPED)
SPAN = message(
    ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"],
    **CONTEXT,
    **DROPPED,
    parentSpanId=hex_id(16),
    name={"type": "string", "minLength": 1},
    kind={"type": "integer", "minimum": 1, "maximum": 5},
    startTimeUnixNano=FIXED64,
    endTimeUnixNano=FIXED64,
    events=repeated(EVENT),
    droppedEventsCount=UINT32,
    links=repeated(LINK),
    droppedLinksCount=UINT32,
    status=message(message=STRING, code={"type": "integer", "minimum": 0, "maximum": 2}),
)
SCOPE = message(name=STRING, version=STRING, **DROPPED)
SCOPE_SPANS = message(scope=SCOPE, spans=repeated(SPAN), schemaUrl=STRING)
RESOURCE_SPANS = message(resource=message(**DROPPED), scopeSpans=repeated(SCOPE_SPANS), schemaUrl=STRING)
VALIDATOR = jsonschema.Draft202012Validator(message(["resourceSpans"], resourceSpans=repeated(RESOURCE_SPANS)))

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)


def attributes(holder):
    """As a dict; a key that comes twice is refused."""
    pairs = [(pair["key"], next(iter(pair["value"].values()))) for pair in holder.get("attributes", [])]
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


class Receiver:
    """
    Listens from the beginning on, by TLS if there is a certificate for 127.0.0.1 (with `file` and `key`). `behave` is called with the
    request's handler in place of an answer.
    """

    def __init__(self, certificate=None):
        self.spans, self.resources, self.headers, self.bodies, self.faults = [], [], [], [], []
        self.behave = None
        self.requests = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests += 1
                if receiver.behave:
                    receiver.behave(self)
                else:
                    receiver.take(self, body)

            def answer(self, status, **headers):
                self.send_response(status)
                for name, value in {"Content-Length": "2", **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", servers.free_port()), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.file, certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, handler, body):
        try:
            assert handler.path == "/v1/traces", handler.path
            assert handler.headers["Content-Type"] == "application/json"
            data = json.loads(body)
            VALIDATOR.validate(data)
            for part in data["resourceSpans"]:
                self.resources.append(attributes(part["resource"]))
                for scope in part["scopeSpans"]:
                    self.spans += scope["spans"]
        except Exception as fault:  # the test reads it
            self.faults.append(repr(fault))
            handler.answer(400)
            return
        self.headers.append(dict(handler.headers))
        handler.answer(200)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # What was received.

    def named(self, name):
        assert not self.faults, self.faults
        return [span for span in self.spans if span["name"] == name]

    def of_trace(self, trace):
        assert not self.faults, self.faults
        return {span["name"]: span for span in self.spans if span["traceId"] == trace}


# Behaviours of a receiver in trouble.


def hangs(handler):
    time.sleep(30)
    handler.close_connection = True


def closes_in_the_middle(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    handler.close_connection = True


def is_too_busy(handler):
    handler.answer(429, Retry_After="2")


def is_unavailable(handler):
    handler.answer(503)


@contextlib.contextmanager
def receiving(certificate=None):
    receiver = Receiver(certificate)
    try:
        yield receiver
    finally:
        receiver.close()
