/* The checks of a request before it is served: host names, origins, tokens. */
#include "entrypoints/http_server/http_gate.h"
#include "support/suites.h"

#include <string.h>

static const struct host_names names = {{"allocd.example.com", "stock.example.com"}, 2};

/* The status of the refusal; 0: the request may be served. */
static int status_of(const struct http_gate *gate, const struct http_caller *caller)
{
	const struct http_refusal *refusal = http_gate_check(gate, caller);

	return refusal ? refusal->status : 0;
}

/* ---- Host ---- */

static const struct {
	const char *host;
	int status;
} hosts[] = {
	{NULL, 0},
	{"localhost", 0},
	{"localhost:5005", 0},
	{"LocalHost.", 0},
	{"127.0.0.1:5005", 0},
	{"[::1]:5005", 0},
	{"[::1]", 0},
	{"192.0.2.7", 0},
	{"allocd:5005", 0}, /* a service's name within a cluster */
	{"allocd.example.com", 0},
	{"STOCK.example.com:443", 0},
	{"listens.example.com", 0},
	{"machine.example.com:5005", 0},
	{"evil.example", 421},
	{"evil.example:5005", 421},
	{"127.0.0.1.evil.example", 421},
	{"localhost.evil.example", 421},
	{"allocd.example.com.evil.example", 421},
	{"example.com", 421},
	{"0177.0.0.1.", 421},
	{"", 421},
	{":5005", 421},
	{"[::1", 421},
	{"[evil.example]", 421},
};

START_TEST(a_request_for_an_unknown_host_is_refused)
{
	const struct http_gate gate = {.is_loopback = true,
				       .names = &names,
				       .listens_at = "listens.example.com",
				       .machine = "machine.example.com"};

	ck_assert_int_eq(status_of(&gate, &(struct http_caller){.host = hosts[_i].host}), hosts[_i].status);
	ck_assert_int_eq(status_of(&gate, &(struct http_caller){.host = hosts[_i].host, .changes = true}),
			 hosts[_i].status);
}
END_TEST

/* ---- Origin ---- */

static const struct {
	const char *host, *origin, *fetch_site;
	int status;
} pages[] = {
	{"localhost:5005", NULL, NULL, 0},
	{"localhost:5005", "http://localhost:5005", NULL, 0},
	{"localhost:5005", "HTTP://LOCALHOST:5005", "same-origin", 0},
	{"localhost:5005", NULL, "none", 0},
	{"[::1]:5005", "http://[::1]:5005", NULL, 0},
	{"localhost", "http://localhost", NULL, 0},
	{"localhost", "https://localhost", NULL, 0}, /* a proxy speaks TLS */
	{"localhost:443", "https://localhost", NULL, 0},
	{"localhost", "https://localhost:443", NULL, 0},
	{"localhost:5005", "http://localhost:8080", NULL, 403},
	{"localhost:5005", "http://localhost", NULL, 403},
	{"localhost:443", "http://localhost", NULL, 403},
	{"localhost:5005", "http://evil.example:5005", NULL, 403},
	{"localhost:5005", "http://localhost.evil.example:5005", NULL, 403},
	{"localhost:5005", "null", NULL, 403},
	{"localhost:5005", "", NULL, 403},
	{"localhost:5005", "file://", NULL, 403},
	{"localhost:5005", "localhost:5005", NULL, 403},
	{"localhost:5005", "http://localhost:5005@evil.example", NULL, 403},
	{NULL, "http://evil.example", NULL, 403},
	{"localhost:5005", NULL, "cross-site", 403},
	{"localhost:5005", NULL, "same-site", 403},
	{"localhost:5005", "http://localhost:5005", "cross-site", 403},
};

START_TEST(what_changes_or_is_for_operators_is_refused_to_a_page_of_another_origin)
{
	const struct http_gate gate = {.is_loopback = true};
	struct http_caller caller = {
		pages[_i].host, pages[_i].origin, pages[_i].fetch_site, NULL, true, false, false};

	ck_assert_int_eq(status_of(&gate, &caller), pages[_i].status);
	caller.changes = false;
	ck_assert_int_eq(status_of(&gate, &caller), 0);
	caller.is_admin = true;
	ck_assert_int_eq(status_of(&gate, &caller), pages[_i].status);
}
END_TEST

/* ---- the token ---- */

static const struct {
	const char *authorization;
	int status;
} tokens[] = {
	{"Bearer the-token", 0},
	{"bearer  the-token", 0},
	{NULL, 401},
	{"", 401},
	{"Bearer", 401},
	{"Bearer ", 401},
	{"Bearer the-toke", 401},
	{"Bearer the-token2", 401},
	{"Bearer the-tokenthe-token", 401},
	{"Bearer The-token", 401},
	{"Basic the-token", 401},
	{"the-token", 401},
};

START_TEST(a_request_without_the_configured_token_is_refused)
{
	const struct http_gate gate = {.token = "the-token", .is_loopback = _i % 2};
	struct http_caller caller = {.host = "localhost", .authorization = tokens[_i].authorization};

	ck_assert_int_eq(status_of(&gate, &caller), tokens[_i].status);
	caller.changes = true;
	ck_assert_int_eq(status_of(&gate, &caller), tokens[_i].status);
}
END_TEST

START_TEST(a_page_of_another_origin_is_refused_even_with_the_token)
{
	const struct http_gate gate = {.token = "the-token"};
	struct http_caller caller = {
		.host = "evil.example", .authorization = "Bearer the-token", .changes = true};

	ck_assert_int_eq(status_of(&gate, &caller), 421);
	caller.host = "localhost";
	caller.origin = "http://evil.example";
	ck_assert_int_eq(status_of(&gate, &caller), 403);
}
END_TEST

/* ---- other machines ---- */

static const struct {
	struct http_gate gate;
	int status; /* of a command */
} listeners[] = {
	{{.is_loopback = true}, 0},
	{{.is_loopback = true, .token = ""}, 0},
	{{.is_loopback = false}, 403},
	{{.is_loopback = false, .token = ""}, 403},
	{{.is_loopback = false, .is_open = true}, 0},
	{{.is_loopback = false, .token = "the-token"}, 0},
};

START_TEST(an_open_listener_without_token_or_proxy_refuses_commands)
{
	struct http_caller caller = {.host = "localhost", .authorization = "Bearer the-token"};

	ck_assert_int_eq(status_of(&listeners[_i].gate, &caller), 0);
	caller.changes = true;
	ck_assert_int_eq(status_of(&listeners[_i].gate, &caller), listeners[_i].status);
	ck_assert_int_eq(http_gate_is_shut(&listeners[_i].gate), listeners[_i].status == 403);
}
END_TEST

SUITE("http gate")
{
	tcase_add_loop_test(tests, a_request_for_an_unknown_host_is_refused, 0, COUNT(hosts));
	tcase_add_loop_test(tests, what_changes_or_is_for_operators_is_refused_to_a_page_of_another_origin, 0,
			    COUNT(pages));
	tcase_add_loop_test(tests, a_request_without_the_configured_token_is_refused, 0, COUNT(tokens));
	tcase_add_test(tests, a_page_of_another_origin_is_refused_even_with_the_token);
	tcase_add_loop_test(tests, an_open_listener_without_token_or_proxy_refuses_commands, 0,
			    COUNT(listeners));
}
