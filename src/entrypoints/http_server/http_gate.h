/*
 * Who may ask for what over HTTP: by the name a request was sent to, by the page it comes from, by its token.
 *
 * A page can make the browser that shows it send requests here: from its own origin, which the browser names,
 * or, once its name is made to lead here (DNS rebinding), as if this were its own server.  The first is
 * recognized by Origin and Sec-Fetch-Site, the second by Host.
 *
 * Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_GATE_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_GATE_H

#include "entrypoints/config/config.h"
#include "entrypoints/http_server/http_head.h"

struct http_gate {
	const char *token;              /* "" or NULL: none is asked for */
	bool is_open;                   /* a proxy guards it */
	bool is_loopback;               /* only this machine reaches it */
	const char *listens_at;         /* the host of the address; or NULL */
	const char *machine;            /* the machine's name; or NULL */
	const struct host_names *names; /* further ones; or NULL */
};

/* What of a request counts; NULL for a field that it does not have. */
struct http_caller {
	const char *host;
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *authorization;
	bool changes; /* the stock */
};

/* NULL, or why the request is refused. */
const struct http_refusal *http_gate_check(const struct http_gate *gate, const struct http_caller *caller);

/* Whether every command is refused, whatever sends it. */
bool http_gate_is_shut(const struct http_gate *gate);

#endif
