/*
 * Decides whether a client may make its request: by the host name, the page of origin, and the token.
 *
 * A page can make the browser that shows it send requests here: from its own origin, which the browser names,
 * or, once its host name resolves to this server (DNS rebinding), as if to its own server.  The first is
 * recognized by Origin and Sec-Fetch-Site, the second by Host.
 *
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_GATE_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_GATE_H

#include "entrypoints/config/config.h"
#include "entrypoints/http_server/http_head.h"

struct http_gate {
	const char *token;              /* "" or NULL: no token is required */
	bool is_open;                   /* a proxy guards the listener */
	bool is_loopback;               /* only this machine reaches the listener */
	const char *listens_at;         /* the host of the address; or NULL */
	const char *machine;            /* the machine's name; or NULL */
	const struct host_names *names; /* further names that requests may carry; or NULL */
};

/* The parts of a request that are checked; NULL for a header field that is absent. */
struct http_caller {
	const char *host;
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *authorization;
	bool changes;     /* the request is a command, or another change */
	bool is_admitted; /* by the admin token: no other one is needed */
	bool is_admin;    /* the request is for operators: no page of another origin may send it */
};

/* NULL, or why the request is refused with any token: it names another host. */
const struct http_refusal *http_gate_check_host(const struct http_gate *gate, const char *host);

/* NULL, or why the request is refused. */
const struct http_refusal *http_gate_check(const struct http_gate *gate, const struct http_caller *caller);

/* The token of a header Authorization, which may be NULL; NULL unless it is a bearer token. */
const char *http_bearer_token(const char *authorization);

/* The duration depends only on the length of the given text, not on how much of the token is right. */
bool http_token_is(const char *given, const char *token);

/* Whether the header has the token that the gate requires. */
bool http_gate_has_token(const struct http_gate *gate, const char *authorization);

/* Whether every command is refused, from any client. */
bool http_gate_is_shut(const struct http_gate *gate);

#endif
