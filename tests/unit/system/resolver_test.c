/*
 * Names are looked up without blocking the event loop; a missing descriptor or thread is an error, never an
 * abort.
 */
#include "adapters/system/resolver.h"
#include "support/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct event_base *base;

struct answer {
	int count;
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
	char error[128];
};

static void set_up(void)
{
	base = event_base_new();
}

static void tear_down(void)
{
	event_base_free(base);
}

static void take_answer(void *context, struct addrinfo *addresses, const char *error)
{
	struct answer *answer = context;

	answer->count++;
	ck_assert((addresses != NULL) == (error == NULL));
	if (error)
		snprintf(answer->error, sizeof answer->error, "%s", error);
	for (struct addrinfo *it = addresses; it && !answer->address[0]; it = it->ai_next) {
		const struct sockaddr_in *inet = (const struct sockaddr_in *)(const void *)it->ai_addr;

		if (it->ai_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &inet->sin_addr, answer->address, sizeof answer->address);
		answer->port = ntohs(inet->sin_port);
	}
	if (addresses)
		freeaddrinfo(addresses);
}

static void give_up(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	event_base_loopbreak(base);
}

static void wait_for(const struct answer *answer)
{
	struct event *patience = evtimer_new(base, give_up, NULL);

	event_add(patience, &(struct timeval){20, 0});
	while (!answer->count && event_pending(patience, EV_TIMEOUT, NULL))
		event_base_loop(base, EVLOOP_ONCE);
	event_free(patience);
	ck_assert_int_eq(answer->count, 1);
}

static struct answer look_up(const char *host)
{
	struct answer answer = {0};

	resolver_start(base, host, 5432, take_answer, &answer);
	ck_assert_int_eq(answer.count, 0);
	wait_for(&answer);
	return answer;
}

START_TEST(a_name_has_the_addresses_that_the_system_finds)
{
	struct answer answer = look_up("localhost");

	ck_assert_str_eq(answer.address, "127.0.0.1");
	ck_assert_uint_eq(answer.port, 5432);
}
END_TEST

START_TEST(an_address_resolves_to_itself)
{
	ck_assert_str_eq(look_up("192.0.2.7").address, "192.0.2.7");
}
END_TEST

/* The label of the second name is too long. */
static const char *const unknown[] = {
	"no name has spaces", "a123456789a123456789a123456789a123456789a123456789a123456789a123456789.test",
	"..", ""};

START_TEST(the_error_says_why_a_name_has_no_address)
{
	struct answer answer = look_up(unknown[_i]);

	ck_assert_str_eq(answer.address, "");
	ck_assert_str_ne(answer.error, "");
}
END_TEST

START_TEST(a_cancelled_look_up_calls_no_callback)
{
	struct answer cancelled = {0};
	struct resolver *resolver = resolver_start(base, "localhost", 1, take_answer, &cancelled);

	resolver_cancel(&resolver);
	ck_assert_ptr_null(resolver);
	resolver_cancel(&resolver);

	look_up("localhost");
	ck_assert_int_eq(cancelled.count, 0);
}
END_TEST

/* ---- without a descriptor or a thread ---- */

static void take_all_descriptors(struct rlimit *before)
{
	struct rlimit none;

	getrlimit(RLIMIT_NOFILE, before);
	none = *before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_lt(open("/dev/null", O_RDONLY), 0);
}

START_TEST(a_look_up_without_a_free_descriptor_fails_and_a_later_one_succeeds)
{
	struct rlimit before;
	struct answer answer;

	take_all_descriptors(&before);
	answer = look_up("localhost");
	ck_assert_str_eq(answer.error, strerror(EMFILE));

	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_str_eq(look_up("localhost").address, "127.0.0.1");
}
END_TEST

START_TEST(an_address_needs_no_descriptor)
{
	struct rlimit before;

	take_all_descriptors(&before);
	ck_assert_str_eq(look_up("127.0.0.2").address, "127.0.0.2");
	setrlimit(RLIMIT_NOFILE, &before);
}
END_TEST

/* The number of threads is bounded, since a silent name server blocks each of them. */
START_TEST(every_look_up_of_a_burst_is_answered_once)
{
	enum { LOOK_UPS = 200 };
	static struct answer answers[LOOK_UPS];

	for (size_t i = 0; i < LOOK_UPS; i++)
		resolver_start(base, "localhost", 1, take_answer, &answers[i]);
	for (size_t i = 0; i < LOOK_UPS; i++)
		wait_for(&answers[i]);

	for (size_t i = 0; i < LOOK_UPS; i++)
		ck_assert(answers[i].address[0] || strstr(answers[i].error, "too many"));
	ck_assert_str_eq(look_up("localhost").address, "127.0.0.1");
}
END_TEST

SUITE("resolver", set_up, tear_down)
{
	tcase_add_test(tests, a_name_has_the_addresses_that_the_system_finds);
	tcase_add_test(tests, an_address_resolves_to_itself);
	tcase_add_loop_test(tests, the_error_says_why_a_name_has_no_address, 0,
			    (int)(sizeof unknown / sizeof unknown[0]));
	tcase_add_test(tests, a_cancelled_look_up_calls_no_callback);
	tcase_add_test(tests, a_look_up_without_a_free_descriptor_fails_and_a_later_one_succeeds);
	tcase_add_test(tests, an_address_needs_no_descriptor);
	tcase_add_test(tests, every_look_up_of_a_burst_is_answered_once);
}
