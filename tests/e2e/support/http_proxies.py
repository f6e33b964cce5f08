"""Real proxies in front of allocd, which forward requests, except those that add batches."""

import contextlib
import socket
import subprocess

import servers

# As careless as their settings allow: what they pass on is for allocd to judge.
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/a;
    proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d;
    scgi_temp_path {folder}/e;
    client_header_timeout 1s;
    client_body_timeout 1s;
    keepalive_timeout 1s;
    lingering_timeout 1s;
    ignore_invalid_headers off;
    underscores_in_headers on;
    upstream allocd {{ server {allocd}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://allocd;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
        location /add_batch {{ return 403; }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 256
defaults
    mode http
    option accept-invalid-http-request
    option http-keep-alive
    http-reuse always
    timeout connect 5s
    timeout client 1s
    timeout http-request 1s
    timeout server 2s
frontend clients
    bind 127.0.0.1:{port}
    http-request deny if {{ path_beg /add_batch }}
    default_backend allocd
backend allocd
    server allocd {allocd}
"""

PROXIES = {
    "nginx": (NGINX, ["/usr/sbin/nginx", "-p", "{folder}", "-e", "{folder}/nginx.log", "-c", "{folder}/conf"]),
    "haproxy": (HAPROXY, ["/usr/sbin/haproxy", "-db", "-f", "{folder}/conf"]),
}


@contextlib.contextmanager
def running(name, folder, allocd):
    """Yields the port of that proxy in front of the worker at `allocd`; it ends with the block."""
    configuration, command = PROXIES[name]
    port = servers.free_port()
    (folder / "conf").write_text(configuration.format(folder=folder, port=port, allocd=allocd))
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen([part.format(folder=folder) for part in command], stdout=output, stderr=output)
    try:
        servers.wait_until(lambda: is_listening(process, port, folder), f"{name} to listen", 20)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def is_listening(process, port, folder):
    assert process.poll() is None, (folder / "output").read_text()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
