/* The token of the admin API, and what follows when it is wrong too often. */
#include "entrypoints/http_admin/admin_token.h"
#include "entrypoints/http_admin/http_admin.h"
#include "support/suites.h"

#include <stdio.h>

#define RIGHT "Bearer the-token"
#define WRONG "Bearer the-toke"
#define HERE  "192.0.2.1"
#define THERE "192.0.2.2"

static const char *current; /* what the file has */
static struct admin_token token;
static int retry_after_s;

static const char *read_current(void *context, struct arena *arena, const char **error)
{
	(void)context, (void)arena;
	*error = "gone";
	return current;
}

static void set_up(void)
{
	current = "the-token";
	admin_token_init(&token, &(struct admin_token_source){read_current, NULL});
}

static void tear_down(void)
{
}

static enum admin_verdict check(const char *authorization, const char *address, int64_t now_ms)
{
	return admin_token_check(&token, authorization, address, now_ms, &retry_after_s);
}

/* Each time with another token. */
static void be_wrong(int times, const char *address, int64_t now_ms)
{
	static int number;
	char authorization[32];

	for (int i = 0; i < times; i++) {
		snprintf(authorization, sizeof authorization, "Bearer guess-%d", number++);
		ck_assert_int_eq(check(authorization, address, now_ms), ADMIN_TOKEN_WRONG);
	}
}

static const struct {
	const char *authorization;
	enum admin_verdict verdict;
} headers[] = {
	{RIGHT, ADMIN_TOKEN_RIGHT},
	{"bearer  the-token", ADMIN_TOKEN_RIGHT},
	{NULL, ADMIN_TOKEN_MISSING},
	{"", ADMIN_TOKEN_MISSING},
	{"Basic dXNlcjpwYXNz", ADMIN_TOKEN_MISSING},
	{WRONG, ADMIN_TOKEN_WRONG},
	{"Bearer the-tokens", ADMIN_TOKEN_WRONG},
	{"Bearer ", ADMIN_TOKEN_WRONG},
};

START_TEST(only_the_whole_token_is_right)
{
	ck_assert_int_eq(check(headers[_i].authorization, HERE, 0), headers[_i].verdict);
}
END_TEST

START_TEST(without_a_token_nothing_is_right)
{
	current = "";
	admin_token_init(&token, &(struct admin_token_source){read_current, NULL});
	ck_assert_int_eq(check("Bearer ", HERE, 0), ADMIN_TOKEN_OFF);
}
END_TEST

START_TEST(the_token_is_read_again_for_each_request)
{
	current = "another";
	ck_assert_int_eq(check("Bearer another", HERE, 0), ADMIN_TOKEN_RIGHT);
	ck_assert_int_eq(check(RIGHT, HERE, 0), ADMIN_TOKEN_WRONG);
	current = NULL; /* the file is gone */
	ck_assert_int_eq(check("Bearer another", HERE, 0), ADMIN_TOKEN_WRONG);
}
END_TEST

START_TEST(after_five_wrong_ones_an_address_waits_for_a_minute)
{
	be_wrong(4, HERE, 1000);
	ck_assert_int_eq(check(RIGHT, HERE, 2000), ADMIN_TOKEN_RIGHT);
	be_wrong(1, HERE, 3000);
	ck_assert_int_eq(check(RIGHT, HERE, 11000), ADMIN_TOKEN_LIMITED);
	ck_assert_int_eq(retry_after_s, 50);
	ck_assert_int_eq(check(RIGHT, THERE, 11000), ADMIN_TOKEN_RIGHT);
	ck_assert_int_eq(check(NULL, HERE, 11000), ADMIN_TOKEN_MISSING);
	ck_assert_int_eq(check(RIGHT, HERE, 60999), ADMIN_TOKEN_LIMITED);
	ck_assert_int_eq(retry_after_s, 1);
	ck_assert_int_eq(check(RIGHT, HERE, 61000), ADMIN_TOKEN_RIGHT);
}
END_TEST

START_TEST(a_token_that_was_replaced_counts_once_however_often_it_is_sent)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(check(WRONG, HERE, i), ADMIN_TOKEN_WRONG);
	be_wrong(3, HERE, 20);
	ck_assert_int_eq(check(WRONG, HERE, 21), ADMIN_TOKEN_WRONG);
	ck_assert_int_eq(check(RIGHT, HERE, 21), ADMIN_TOKEN_RIGHT);
	be_wrong(1, HERE, 22);
	ck_assert_int_eq(check(RIGHT, HERE, 23), ADMIN_TOKEN_LIMITED);
}
END_TEST

static const struct {
	const char *one, *other;
	enum admin_verdict verdict; /* of the other one when the first was wrong too often */
} neighbours[] = {
	{"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", ADMIN_TOKEN_LIMITED},
	{"2001:db8:0:1::1", "2001:db8:0:2::1", ADMIN_TOKEN_RIGHT},
	{"::ffff:192.0.2.1", "::ffff:192.0.2.1", ADMIN_TOKEN_LIMITED},
	{"::ffff:192.0.2.1", "::ffff:192.0.2.2", ADMIN_TOKEN_RIGHT},
	{"192.0.2.1", "192.0.2.2", ADMIN_TOKEN_RIGHT},
};

START_TEST(addresses_of_one_network_of_ipv6_count_together)
{
	be_wrong(3, neighbours[_i].one, 0);
	be_wrong(2, neighbours[_i].one, 1);
	ck_assert_int_eq(check(RIGHT, neighbours[_i].other, 2), neighbours[_i].verdict);
}
END_TEST

START_TEST(many_addresses_replace_those_that_were_wrong_first)
{
	char address[32];

	be_wrong(5, HERE, 0);
	for (int i = 1; i < ADMIN_ADDRESSES_MAX; i++) {
		snprintf(address, sizeof address, "198.51.100.%d", i);
		be_wrong(1, address, i);
	}
	ck_assert_int_eq(check(RIGHT, THERE, 99), ADMIN_TOKEN_RIGHT); /* replaces none */
	ck_assert_int_eq(check(RIGHT, HERE, 100), ADMIN_TOKEN_LIMITED);
	be_wrong(1, THERE, 101);
	ck_assert_int_eq(check(RIGHT, HERE, 102), ADMIN_TOKEN_RIGHT);
}
END_TEST

static const struct {
	enum admin_verdict verdict;
	bool is_change;
	const char *content_type;
	int status; /* 0: it is served */
} requests[] = {
	{ADMIN_TOKEN_OFF, true, "application/json", 403},
	{ADMIN_TOKEN_OFF, false, NULL, 0},
	{ADMIN_TOKEN_MISSING, true, "application/json", 401},
	{ADMIN_TOKEN_MISSING, false, NULL, 0},
	{ADMIN_TOKEN_RIGHT, true, "application/json", 0},
	{ADMIN_TOKEN_RIGHT, true, "text/plain", 415},
	{ADMIN_TOKEN_RIGHT, true, NULL, 415},
	{ADMIN_TOKEN_RIGHT, false, NULL, 0},
	{ADMIN_TOKEN_WRONG, true, "application/json", 401},
	{ADMIN_TOKEN_WRONG, false, NULL, 401},
	{ADMIN_TOKEN_LIMITED, true, "text/plain", 429},
	{ADMIN_TOKEN_LIMITED, false, NULL, 429},
};

START_TEST(a_change_needs_the_token_and_json_and_a_read_no_wrong_token)
{
	const struct http_refusal *refusal =
		http_admin_refusal(requests[_i].verdict, requests[_i].is_change, requests[_i].content_type);

	ck_assert_int_eq(refusal ? refusal->status : 0, requests[_i].status);
}
END_TEST

SUITE("admin token", set_up, tear_down)
{
	tcase_add_loop_test(tests, only_the_whole_token_is_right, 0, COUNT(headers));
	tcase_add_test(tests, without_a_token_nothing_is_right);
	tcase_add_test(tests, the_token_is_read_again_for_each_request);
	tcase_add_test(tests, after_five_wrong_ones_an_address_waits_for_a_minute);
	tcase_add_test(tests, a_token_that_was_replaced_counts_once_however_often_it_is_sent);
	tcase_add_loop_test(tests, addresses_of_one_network_of_ipv6_count_together, 0, COUNT(neighbours));
	tcase_add_test(tests, many_addresses_replace_those_that_were_wrong_first);
	tcase_add_loop_test(tests, a_change_needs_the_token_and_json_and_a_read_no_wrong_token, 0,
			    COUNT(requests));
}
