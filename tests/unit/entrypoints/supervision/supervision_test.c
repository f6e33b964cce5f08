/* What a service manager receives on a real socket, about a worker on adapters in memory. */
#include "entrypoints/supervision/standstill.h"
#include "entrypoints/supervision/supervision.h"
#include "http/http_world.h"
#include "support/suites.h"

#include "core/base/must.h"
#include "entrypoints/supervision/notify_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCHDOG_MS 20000

static struct supervision *supervision;
static int manager; /* the socket of the service manager */
static char name[64];
static char received[65536];

static void bind_manager(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(name, sizeof name, "@allocd-supervision-%d", getpid());

	memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
			 0);
}

static void set_up(void)
{
	world_init_starting(&http_world, HTTP_QUEUE_MAX);
	bind_manager();
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "20000000", 1);
	received[0] = '\0';
}

static void tear_down(void)
{
	supervision_free(&supervision);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	close(manager);
	tear_down_http();
}

static void supervise(void)
{
	supervision = supervision_new(&http_world.clock.clock, http_world.sampler, &http_world.logger.logger);
}

/* Advances the clock by `ms`, and returns what the manager received meanwhile. */
static const char *received_in_ms(int64_t ms)
{
	size_t size = 0;
	ssize_t got;

	received[0] = '\0';
	for (; ms > 0; ms -= 1000) {
		simulation_advance_ms(http_world.simulation, ms < 1000 ? ms : 1000);
		while ((got = recv(manager, received + size, sizeof received - size - 1, 0)) > 0)
			received[size += (size_t)got] = '\0';
	}
	return received;
}

static int count(const char *text, const char *part)
{
	int found = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		found++;
	}
	return found;
}

static const char *waits_for_redis(void *context, struct arena *arena, enum awaited_service *service)
{
	(void)context;
	(void)arena;
	*service = AWAITS_REDIS;
	return "waiting for Redis: connection refused\nREADY=1";
}

START_TEST(a_start_is_prolonged_until_the_worker_works)
{
	sampler_await(http_world.sampler, waits_for_redis, NULL);
	supervise();
	received_in_ms(120000);
	ck_assert_int_ge(count(received, "EXTEND_TIMEOUT_USEC=30000000\n"), 120);
	ck_assert_int_eq(count(received, "\nREADY=1"), 0);
	ck_assert_int_eq(count(received, "WATCHDOG=1"), 0);
	/* A newline in the error of a server begins no line. */
	ck_assert_int_eq(
		count(received, "\nSTATUS=starting, waiting for Redis: connection refused\\u000aREADY=1\n"),
		1);
}
END_TEST

START_TEST(a_worker_that_works_is_ready_once_and_healthy)
{
	world_start(&http_world);
	supervise();
	ck_assert_str_eq(received_in_ms(1000), "READY=1\nSTATUS=healthy\nWATCHDOG=1\n");
	received_in_ms(10 * WATCHDOG_MS);
	ck_assert_int_eq(count(received, "READY=1") + count(received, "STATUS="), 0);
	ck_assert_int_eq(count(received, "EXTEND_TIMEOUT_USEC"), 0);
}
END_TEST

START_TEST(a_worker_is_ready_as_soon_as_it_has_no_trouble_that_stops_work)
{
	http_world.listening = false;
	world_start(&http_world);
	supervise();
	ck_assert_int_eq(count(received_in_ms(2000), "READY=1"), 0);
	http_world.listening = true;
	ck_assert_int_eq(count(received_in_ms(100), "READY=1"), 1);
}
END_TEST

START_TEST(a_worker_that_cannot_be_ready_counts_as_started_all_the_same)
{
	http_world.listening = false;
	world_start(&http_world);
	supervise();
	ck_assert_int_eq(count(received_in_ms(4900), "READY=1"), 0);
	ck_assert_int_eq(count(received_in_ms(1000), "READY=1"), 1);
}
END_TEST

START_TEST(the_status_has_the_worst_trouble_and_counts_the_others)
{
	world_start(&http_world);
	supervise();
	received_in_ms(1000);
	http_world.listening = false;
	http_world.unheard = 5;
	received_in_ms(2000);
	ck_assert_int_ge(count(received, "STATUS=not ready: redis-unreachable: not listening on Redis"), 1);
	ck_assert_int_ge(count(received, " (1 more in `allocd status`)\n"), 1);
	http_world.listening = true;
	received_in_ms(2000);
	ck_assert_int_eq(count(received, arena_printf(http_world.arena, "STATUS=healthy: %s: 5 events",
						      trouble_kinds[TROUBLE_NOBODY_LISTENS].code)),
			 1);
}
END_TEST

START_TEST(the_watchdog_is_fed_twice_in_its_time_at_least)
{
	world_start(&http_world);
	supervise();
	for (int i = 0; i < 20; i++)
		ck_assert_int_ge(count(received_in_ms(WATCHDOG_MS / 2), "WATCHDOG=1"), 1);
}
END_TEST

START_TEST(a_short_watchdog_is_fed_in_time)
{
	setenv("WATCHDOG_USEC", "400000", 1);
	world_start(&http_world);
	supervise();
	received_in_ms(1000);
	for (int i = 0; i < 20; i++)
		ck_assert_int_ge(count(received_in_ms(200), "WATCHDOG=1"), 1);
}
END_TEST

START_TEST(the_watchdog_of_another_process_is_not_fed)
{
	setenv("WATCHDOG_PID", "1", 1);
	world_start(&http_world);
	supervise();
	ck_assert_str_eq(received_in_ms(WATCHDOG_MS), "READY=1\nSTATUS=healthy\n");
}
END_TEST

/* The answer of the broker is lost, and no port reports it. */
static void publish_without_an_answer(void)
{
	cable_hold(memory_broker_answers(http_world.broker));
	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
}

START_TEST(the_watchdog_is_not_fed_while_work_stands_still_for_no_known_cause)
{
	world_start(&http_world);
	supervise();
	publish_without_an_answer();
	ck_assert_int_ge(count(received_in_ms(STANDSTILL_MS - 2000), "WATCHDOG=1"), 3);
	received_in_ms(4000);
	ck_assert_int_eq(count(received_in_ms(5 * WATCHDOG_MS), "WATCHDOG=1"), 0);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger, "error work stands still"), 1);
}
END_TEST

START_TEST(the_watchdog_is_fed_while_a_server_is_away)
{
	world_start(&http_world);
	supervise();
	publish_without_an_answer();
	http_world.listening = false;
	ck_assert_int_ge(count(received_in_ms(5 * STANDSTILL_MS), "WATCHDOG=1"), 30);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger, "work stands still"), 0);
}
END_TEST

START_TEST(without_a_watchdog_a_standstill_is_not_judged)
{
	unsetenv("WATCHDOG_USEC");
	world_start(&http_world);
	supervise();
	publish_without_an_answer();
	ck_assert_int_eq(count(received_in_ms(2 * STANDSTILL_MS), "WATCHDOG=1"), 0);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger, "work stands still"), 0);
}
END_TEST

START_TEST(a_stop_is_reported_at_once_and_the_watchdog_is_fed)
{
	world_start(&http_world);
	supervise();
	received_in_ms(1000);
	sampler_stop(http_world.sampler);
	supervision_update(supervision);
	ck_assert_int_eq(count(received_in_ms(1), "STOPPING=1\nSTATUS=stopping\n"), 1);
	ck_assert_int_ge(count(received_in_ms(WATCHDOG_MS), "WATCHDOG=1"), 1);
	ck_assert_int_eq(count(received, "STOPPING=1"), 0);
}
END_TEST

START_TEST(a_worker_that_stops_before_it_worked_was_never_ready)
{
	supervise();
	received_in_ms(1000);
	sampler_stop(http_world.sampler);
	received_in_ms(3000);
	ck_assert_int_eq(count(received, "STOPPING=1"), 1);
	ck_assert_int_eq(count(received, "READY=1"), 0);
}
END_TEST

/* As when the manager is replaced by a new version of itself. */
START_TEST(what_the_manager_did_not_receive_is_sent_again)
{
	close(manager);
	world_start(&http_world);
	supervise();
	received_in_ms(3000);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger,
					      "warn the service manager cannot be notified (NOTIFY_SOCKET) "
					      "error=Connection refused"),
			  1);
	bind_manager();
	ck_assert_str_eq(received_in_ms(1000), "READY=1\nSTATUS=healthy\nWATCHDOG=1\n");
}
END_TEST

START_TEST(without_a_service_manager_nothing_is_supervised)
{
	unsetenv("NOTIFY_SOCKET");
	supervise();
	ck_assert_ptr_null(supervision);
	supervision_update(supervision);
	setenv("NOTIFY_SOCKET", "", 1);
	supervise();
	ck_assert_ptr_null(supervision);
	ck_assert_uint_eq(http_world.logger.count, 0);
}
END_TEST

static const struct {
	const char *name;
	int error;
} unusable[] = {
	{"vsock:2:1234", EAFNOSUPPORT}, {"relative", EAFNOSUPPORT}, {"/", EAFNOSUPPORT}, {"@", EAFNOSUPPORT}};

START_TEST(an_address_of_another_kind_is_refused_and_logged)
{
	setenv("NOTIFY_SOCKET", unusable[_i].name, 1);
	supervise();
	ck_assert_ptr_null(supervision);
	ck_assert_int_eq(errno, unusable[_i].error);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger, "cannot be notified (NOTIFY_SOCKET)"), 1);
}
END_TEST

/* The longest name of an abstract socket fills the address; a path needs a NUL behind it. */
START_TEST(a_name_is_as_long_as_an_address_at_most)
{
	struct notify_socket to;
	char longest[109];

	memset(longest, 'x', sizeof longest);
	longest[0] = '/';
	longest[107] = '\0';
	ck_assert(notify_socket_open(&to, longest));
	notify_socket_close(&to);
	longest[107] = 'x';
	longest[108] = '\0';
	ck_assert(!notify_socket_open(&to, longest));
	ck_assert_int_eq(errno, ENAMETOOLONG);
	longest[0] = '@';
	ck_assert(notify_socket_open(&to, longest));
	notify_socket_close(&to);
}
END_TEST

SUITE("supervision", set_up, tear_down)
{
	tcase_add_test(tests, a_start_is_prolonged_until_the_worker_works);
	tcase_add_test(tests, a_worker_that_works_is_ready_once_and_healthy);
	tcase_add_test(tests, a_worker_is_ready_as_soon_as_it_has_no_trouble_that_stops_work);
	tcase_add_test(tests, a_worker_that_cannot_be_ready_counts_as_started_all_the_same);
	tcase_add_test(tests, the_status_has_the_worst_trouble_and_counts_the_others);
	tcase_add_test(tests, the_watchdog_is_fed_twice_in_its_time_at_least);
	tcase_add_test(tests, a_short_watchdog_is_fed_in_time);
	tcase_add_test(tests, the_watchdog_of_another_process_is_not_fed);
	tcase_add_test(tests, the_watchdog_is_not_fed_while_work_stands_still_for_no_known_cause);
	tcase_add_test(tests, the_watchdog_is_fed_while_a_server_is_away);
	tcase_add_test(tests, without_a_watchdog_a_standstill_is_not_judged);
	tcase_add_test(tests, a_stop_is_reported_at_once_and_the_watchdog_is_fed);
	tcase_add_test(tests, a_worker_that_stops_before_it_worked_was_never_ready);
	tcase_add_test(tests, what_the_manager_did_not_receive_is_sent_again);
	tcase_add_test(tests, without_a_service_manager_nothing_is_supervised);
	tcase_add_loop_test(tests, an_address_of_another_kind_is_refused_and_logged, 0,
			    (int)(sizeof unusable / sizeof unusable[0]));
	tcase_add_test(tests, a_name_is_as_long_as_an_address_at_most);
}
