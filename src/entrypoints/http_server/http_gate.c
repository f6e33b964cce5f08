/* Decides whether a client may make its request. */
#include "entrypoints/http_server/http_gate.h"

#include "entrypoints/http/http_answer.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static const struct http_refusal other_name = {
	421, PROBLEM_OTHER_HOST,
	"This is not the host that the request names: expected an address, localhost, or a name in "
	"ALLOCD_HTTP_NAMES"};
static const struct http_refusal other_origin = {403, PROBLEM_OTHER_ORIGIN,
						 "Not done: the request comes from a page of another origin"};
static const struct http_refusal no_token = {
	401, PROBLEM_UNAUTHORIZED, "Expected Authorization: Bearer and the token in ALLOCD_HTTP_TOKEN"};
static const struct http_refusal shut = {
	403, PROBLEM_NOT_OPEN,
	"Not done: this address can be reached from other machines; set ALLOCD_HTTP_TOKEN, or "
	"ALLOCD_HTTP_OPEN=on where a proxy guards it"};

/* ---- HOST:PORT ---- */

struct authority {
	char host[HOST_NAME_MAX_BYTES + 1];
	const char *port; /* "": not given */
};

/* Splits HOST:PORT; the host loses the brackets of an address and the dot that may end a name. */
static bool split(const char *text, struct authority *authority)
{
	bool is_bracketed = text[0] == '[';
	size_t length;

	if (is_bracketed)
		text++;
	length = strcspn(text, is_bracketed ? "]" : ":");
	authority->port = text + length;
	if (is_bracketed && *authority->port++ != ']')
		return false;
	if (*authority->port == ':')
		authority->port++;
	else if (*authority->port)
		return false;
	if (!is_bracketed && length > 1 && text[length - 1] == '.')
		length--;
	if (length > HOST_NAME_MAX_BYTES)
		return false;
	memcpy(authority->host, text, length);
	authority->host[length] = '\0';
	return length > 0;
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_name(const char *host, const char *name)
{
	return name && strcasecmp(host, name) == 0;
}

/*
 * A browser sends the name that it resolved to this address.  An attacker cannot register an address, or a
 * name without a dot, so these are accepted.  A client older than HTTP/1.1 may send no Host; no browser is
 * that old.
 */
static bool is_host_known(const struct http_gate *gate, const char *text)
{
	struct authority authority;

	if (!text)
		return true;
	if (!split(text, &authority))
		return false;
	for (size_t i = 0; gate->names && i < gate->names->count; i++) {
		if (is_name(authority.host, gate->names->names[i]))
			return true;
	}
	return is_address(authority.host) || !strchr(authority.host, '.') ||
	       is_name(authority.host, gate->listens_at) || is_name(authority.host, gate->machine);
}

/* ---- the page that a request comes from ---- */

static const char *port_or(const char *port, const char *usual)
{
	return *port ? port : usual;
}

/* A proxy may use TLS where this server does not, so the origin's scheme gives both default ports. */
static bool is_same_origin(const char *origin, const char *host)
{
	struct authority there, here;
	const char *usual_port = "80";
	const char *rest = origin + strlen("http://");

	if (strncasecmp(origin, "https://", strlen("https://")) == 0) {
		usual_port = "443";
		rest++;
	} else if (strncasecmp(origin, "http://", strlen("http://")) != 0) {
		return false;
	}
	return host && split(rest, &there) && split(host, &here) && strcasecmp(there.host, here.host) == 0 &&
	       strcmp(port_or(there.port, usual_port), port_or(here.port, usual_port)) == 0;
}

/* A browser names the origin of a request in one of the two fields or in both; other clients send neither. */
static bool is_from_elsewhere(const struct http_caller *caller)
{
	if (caller->fetch_site && strcasecmp(caller->fetch_site, "same-origin") != 0 &&
	    strcasecmp(caller->fetch_site, "none") != 0)
		return true;
	return caller->origin && !is_same_origin(caller->origin, caller->host);
}

/* ---- the token ---- */

static bool asks_for_token(const struct http_gate *gate)
{
	return gate->token && *gate->token;
}

bool http_token_is(const char *given, const char *token)
{
	size_t length = strlen(token);
	volatile unsigned char difference = strlen(given) != length;

	for (size_t i = 0; *given; i = (i + 1) % length)
		difference |= (unsigned char)(*given++ ^ token[i]);
	return difference == 0;
}

const char *http_bearer_token(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
		return NULL;
	authorization += strlen(scheme);
	return authorization + strspn(authorization, " ");
}

bool http_gate_has_token(const struct http_gate *gate, const char *authorization)
{
	const char *given = http_bearer_token(authorization);

	return given && asks_for_token(gate) && http_token_is(given, gate->token);
}

/* ---- the checks, in order ---- */

bool http_gate_is_shut(const struct http_gate *gate)
{
	return !asks_for_token(gate) && !gate->is_loopback && !gate->is_open;
}

const struct http_refusal *http_gate_check_host(const struct http_gate *gate, const char *host)
{
	return is_host_known(gate, host) ? NULL : &other_name;
}

const struct http_refusal *http_gate_check(const struct http_gate *gate, const struct http_caller *caller)
{
	const struct http_refusal *refusal = http_gate_check_host(gate, caller->host);

	if (refusal)
		return refusal;
	if (asks_for_token(gate) && !caller->is_admitted && !http_gate_has_token(gate, caller->authorization))
		return &no_token;
	if ((caller->changes || caller->is_admin) && is_from_elsewhere(caller))
		return &other_origin;
	return caller->changes && !caller->is_admitted && http_gate_is_shut(gate) ? &shut : NULL;
}
