/* Sentinels name the server: each is asked in turn, and what it names is verified. */
#include "peer.h"
#include "support/suites.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static struct peer *peers[2];
static struct server replica;

static void setup(void)
{
	memset(&replica, 0, sizeof replica);
	world_setup();
	start_server(NULL, 0);
}

static void teardown(void)
{
	redis_subscriber_free(&world.subscriber);
	for (size_t i = 0; i < 2; i++) {
		if (peers[i])
			peer_free(&peers[i]);
	}
	if (*replica.folder)
		server_release(&replica);
	world_teardown();
}

/* What a sentinel answers when the master is at that port. */
static const char *naming(char text[64], int port)
{
	char digits[12];
	int size = snprintf(digits, sizeof digits, "%d", port);

	snprintf(text, 64, "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n", size, digits);
	return text;
}

static void subscribe_by_sentinels(void)
{
	use_url("redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/main", peer_port(peers[0]), peer_port(peers[1]));
	subscribe();
}

static bool has_trouble(const char *text)
{
	const char *trouble = redis_subscriber_trouble(world.subscriber);

	return trouble && strstr(trouble, text);
}

static const struct {
	enum peer_manner manner;
	const char *text;
	const char *trouble; /* a part of the reason, when both sentinels are like this */
} useless[] = {
	{PEER_IS_SILENT, "", "it does not answer"},
	{PEER_HANGS_UP, "", ""},
	{PEER_SAYS, "*-1\r\n", "it knows no master of this name"},
	{PEER_SAYS, "-IDONTKNOW I have not enough information\r\n", "IDONTKNOW"},
	{PEER_SAYS, "-NOAUTH Authentication required.\r\n", "put the password into REDIS_URL"},
	{PEER_SAYS, "-ERR unknown command 'SENTINEL'\r\n", "unknown command"},
	{PEER_SAYS, "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "GET-MASTER-ADDR-BY-NAME"},
	{PEER_SAYS, "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "GET-MASTER-ADDR-BY-NAME"},
	{PEER_SAYS, "*2\r\n$1\r\nh\r\n$2\r\n1x\r\n", "GET-MASTER-ADDR-BY-NAME"},
	{PEER_SAYS, "*1\r\n$1\r\nh\r\n", "GET-MASTER-ADDR-BY-NAME"},
	{PEER_SAYS, "HTTP/1.1 400 Bad Request\r\n\r\n", "not the protocol of Redis"},
};

START_TEST(a_sentinel_that_names_no_master_is_passed_over)
{
	char answer[64];
	int64_t begin = milliseconds();

	peers[0] = peer_new(world.base, useless[_i].manner, useless[_i].text);
	peers[1] = peer_new(world.base, PEER_SAYS, naming(answer, world.server.port));
	subscribe_by_sentinels();
	run_until(subscriber_is_up());

	ck_assert_int_lt(milliseconds() - begin, 3000);
	ck_assert_uint_eq(log_lines("cannot reach Redis"), 0);
}
END_TEST

START_TEST(when_no_sentinel_names_the_master_the_reason_is_logged_once)
{
	for (size_t i = 0; i < 2; i++)
		peers[i] = peer_new(world.base, useless[_i].manner, useless[_i].text);
	subscribe_by_sentinels();
	run_until(has_trouble("no sentinel names the master: 127.0.0.1:") &&
		  has_trouble(useless[_i].trouble));
	run_for(300); /* three attempts */

	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
}
END_TEST

/* These peers say the same to every command, AUTH included. */
START_TEST(a_refused_password_is_reported_without_quoting_it)
{
	for (size_t i = 0; i < 2; i++)
		peers[i] = peer_new(world.base, PEER_SAYS, "-NOAUTH me hunter2\r\n");
	use_url("redis+sentinel://me:hunter2@127.0.0.1:%d,127.0.0.1:%d/main", peer_port(peers[0]),
		peer_port(peers[1]));
	subscribe();
	run_until(has_trouble("refuses the user and password in REDIS_URL"));

	ck_assert_uint_eq(log_lines("hunter2"), 0);
}
END_TEST

/* A sentinel that was cut off from the others may name the former master. */
START_TEST(a_server_that_is_no_master_is_not_used)
{
	static char port[12];
	const char *options[] = {"--replicaof", "127.0.0.1", port};
	char stale[64], answer[64];

	snprintf(port, sizeof port, "%d", world.server.port);
	server_init(&replica);
	server_start(&replica, options, COUNT(options));
	peers[0] = peer_new(world.base, PEER_SAYS, naming(stale, replica.port));
	peers[1] = peer_new(world.base, PEER_SAYS, naming(answer, world.server.port));
	subscribe_by_sentinels();
	run_until(subscriber_is_up());

	ck_assert_int_eq(command("PUBLISH p:allocate 1"), 1);
	ck_assert_uint_eq(log_lines("this is a replica of another Redis"), 1);
}
END_TEST

/* The only sentinel that answers names another server, until `answer` is changed. */
static void subscribe_at_another_server(char answer[64])
{
	server_init(&replica);
	server_start(&replica, NULL, 0);
	peers[0] = peer_new(world.base, PEER_SAYS, naming(answer, replica.port));
	peers[1] = peer_new(world.base, PEER_IS_SILENT, "");
	subscribe_by_sentinels();
	run_until(subscriber_is_up());
}

START_TEST(a_lost_server_is_asked_for_anew)
{
	char answer[64];

	subscribe_at_another_server(answer);
	naming(answer, world.server.port); /* the peer says what the text is by then */
	server_kill(&replica);
	run_until(!subscriber_is_up());
	run_until(subscriber_is_up());

	ck_assert_int_eq(command("PUBLISH p:allocate 1"), 1);
}
END_TEST

/* The former master may stay a master for seconds. */
START_TEST(a_server_that_is_no_longer_named_is_left)
{
	char answer[64];

	subscribe_at_another_server(answer);
	run_for(2 * SERVER_CHECK_MS);
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->losses, 0);
	naming(answer, world.server.port);
	run_until(!subscriber_is_up());
	run_until(subscriber_is_up());

	ck_assert_int_eq(command("PUBLISH p:allocate 1"), 1);
	ck_assert_uint_eq(log_lines("the sentinels name another master"), 1);
}
END_TEST

START_TEST(another_sentinel_does_not_end_a_connection)
{
	char answer[64], other[64];

	peers[0] = peer_new(world.base, PEER_SAYS, naming(answer, world.server.port));
	peers[1] = peer_new(world.base, PEER_SAYS, naming(other, 1));
	subscribe_by_sentinels();
	run_until(subscriber_is_up());
	snprintf(answer, sizeof answer, "*-1\r\n");
	run_for(3 * SERVER_CHECK_MS);

	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->losses, 0);
}
END_TEST

SUITE("redis sentinel", setup, teardown)
{
	tcase_add_loop_test(tests, a_sentinel_that_names_no_master_is_passed_over, 0, COUNT(useless));
	tcase_add_loop_test(tests, when_no_sentinel_names_the_master_the_reason_is_logged_once, 0,
			    COUNT(useless));
	tcase_add_test(tests, a_refused_password_is_reported_without_quoting_it);
	tcase_add_test(tests, a_server_that_is_no_master_is_not_used);
	tcase_add_test(tests, a_lost_server_is_asked_for_anew);
	tcase_add_test(tests, a_server_that_is_no_longer_named_is_left);
	tcase_add_test(tests, another_sentinel_does_not_end_a_connection);
}
