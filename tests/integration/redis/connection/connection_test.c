/* The handshake with Redis: our user and its rights, and whether the peer is a Redis. */
#include "peer.h"
#include "support/suites.h"
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/*
 * Users and their rights on the server in these tests.  Commands are sent as the default user, with a
 * password.
 */
static const char *const users[] = {
	"ACL SETUSER worker on >pw ~* &* +@all",
	"ACL SETUSER open on nopass ~* &* +@all",
	"ACL SETUSER narrow on >pw resetkeys resetchannels &p:* -@all +subscribe +script|load +evalsha +ping",
	"ACL SETUSER narrower on >pw resetkeys resetchannels &p:* -@all +subscribe +script|load +evalsha",
	"ACL SETUSER deaf on >pw ~* resetchannels &other +@all",
};

static void setup(void)
{
	static const char *const options[] = {"--requirepass", "s:cr%t"};

	world_setup();
	start_server(options, COUNT(options));
	command("AUTH %s", "s:cr%t");
	for (int i = 0; i < COUNT(users); i++)
		command(users[i]);
}

static bool both_are_up(void)
{
	return subscriber_is_up() && publisher_is_up();
}

static void connect_both(void)
{
	subscribe();
	start_publisher(NULL);
}

static bool subscriber_has_trouble(const char *text)
{
	const char *trouble = redis_subscriber_trouble(world.subscriber);

	return trouble && strstr(trouble, text);
}

/* ---- who we are ---- */

static const char *const good_users[] = {":s%3Acr%25t", "default:s:cr%25t", "worker:pw",  "open",
					 "open:x",      "narrow:pw",        "narrower:pw"};

START_TEST(a_user_with_the_rights_connects)
{
	use_url("redis://%s@127.0.0.1:%d", good_users[_i], world.server.port);
	connect_both();
	run_until(both_are_up());
}
END_TEST

static const struct {
	const char *userinfo, *trouble;
} bad_users[] = {
	{"", "NOAUTH"},
	{":wrong-pw@", "WRONGPASS"},
	{"worker:wrong-pw@", "WRONGPASS"},
	{"nobody:wrong-pw@", "WRONGPASS"},
	{"worker@", "WRONGPASS"},
	{"deaf:pw@", "NOPERM"},
};

START_TEST(the_log_says_why_a_user_without_the_rights_is_refused)
{
	use_url("redis://%s127.0.0.1:%d", bad_users[_i].userinfo, world.server.port);
	subscribe();
	run_until(subscriber_has_trouble(bad_users[_i].trouble));
	ck_assert_ptr_nonnull(strstr(redis_subscriber_trouble(world.subscriber), "REDIS_URL"));
	run_for(1500);

	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
	ck_assert_uint_eq(log_lines("connected"), 0);
	ck_assert_uint_eq(log_lines("wrong-pw"), 0);
	ck_assert_uint_eq(world.told.ups + world.told.downs, 0);
}
END_TEST

START_TEST(a_connection_succeeds_once_the_missing_right_is_granted)
{
	use_url("redis://deaf:pw@127.0.0.1:%d", world.server.port);
	subscribe();
	run_until(subscriber_has_trouble("NOPERM"));

	command("ACL SETUSER deaf allchannels");
	run_until(subscriber_is_up());

	ck_assert_uint_eq(world.told.ups, 1);
}
END_TEST

START_TEST(client_list_shows_the_name_of_a_connection)
{
	redisReply *reply;

	use_url("redis://worker:pw@127.0.0.1:%d/5", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());
	reply = redisCommand(world.control, "CLIENT LIST");

	ck_assert_ptr_nonnull(strstr(reply->str, "name=allocd-test"));
	ck_assert_ptr_nonnull(strstr(reply->str, "db=5"));
	ck_assert_ptr_nonnull(strstr(reply->str, "user=worker"));
	freeReplyObject(reply);
}
END_TEST

START_TEST(a_database_number_that_redis_lacks_is_reported)
{
	use_url("redis://worker:pw@127.0.0.1:%d/16", world.server.port);
	subscribe();

	run_until(subscriber_has_trouble("DB index"));
}
END_TEST

/* ---- who we are by now ---- */

static bool is_connected_as(const char *user)
{
	redisReply *reply = redisCommand(world.control, "CLIENT LIST");
	char text[64];
	bool found;

	snprintf(text, sizeof text, "user=%s ", user);
	found = strstr(reply->str, text);
	freeReplyObject(reply);
	return found;
}

static void rotate_to(const char *userinfo)
{
	snprintf(world.url, sizeof world.url, "redis://%s@127.0.0.1:%d", userinfo, world.server.port);
}

static const struct {
	const char *change, *userinfo;
} rotations[] = {
	{"ACL SETUSER worker resetpass >new", "worker:new"},
	{"ACL DELUSER worker", "open:x"},
	{"ACL SETUSER worker off", "narrow:pw"},
};

START_TEST(a_rotated_password_is_used_at_the_next_attempt)
{
	use_url("redis://worker:pw@127.0.0.1:%d", world.server.port);
	connect_both();
	run_until(both_are_up());
	command(rotations[_i].change);
	command("CLIENT KILL TYPE normal SKIPME yes");
	command("CLIENT KILL TYPE pubsub");
	run_until(!subscriber_is_up() && !publisher_is_up());
	run_for(500); /* the old password is refused */
	rotate_to(rotations[_i].userinfo);

	run_until(both_are_up());
	ck_assert_uint_eq(log_lines(":new"), 0);
}
END_TEST

static size_t refused;

static void on_refused(void *context, const struct published *published, const struct failure *failure)
{
	(void)context, (void)published;
	refused += failure != NULL;
}

/* A right that stays missing ends no connection; if the URL names another user, a new connection is made. */
START_TEST(a_missing_right_leads_to_the_user_of_a_new_url)
{
	static const struct outgoing event = {.type = MSG_OUT_OF_STOCK, .payload = {"x", 1}};

	use_url("redis://worker:pw@127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());
	command("ACL SETUSER worker -evalsha");
	for (size_t i = 1; i <= 3; i++) {
		publish_events(world.publisher, &event, 1, on_refused, NULL);
		run_until(refused == i);
		ck_assert(publisher_is_up());
		run_for(600);
	}
	ck_assert_uint_eq(log_lines("lost Redis"), 0);

	rotate_to("open:x");
	run_for(1000); /* the URL is not read more often */
	publish_events(world.publisher, &event, 1, on_refused, NULL);
	run_until(publisher_is_up() && is_connected_as("open"));
}
END_TEST

static const char *const malformed[] = {"http://user:the-secret@host", "redis://user:the-secret@host:x",
					"redis://user:the%%zzsecret@host", ""};

START_TEST(a_url_that_became_malformed_is_reported_without_quoting_it)
{
	use_url("redis://worker:pw@127.0.0.1:%d", world.server.port);
	subscribe();
	run_until(subscriber_is_up());
	snprintf(world.url, sizeof world.url, "%s", malformed[_i]);
	command("CLIENT KILL TYPE pubsub");
	run_until(subscriber_has_trouble("REDIS_URL: "));
	run_for(1000);

	ck_assert_uint_eq(log_lines("secret"), 0);
	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
	rotate_to("worker:pw");
	run_until(subscriber_is_up());
}
END_TEST

/* ---- ways ---- */

START_TEST(a_connection_may_use_a_unix_socket)
{
	static char path[64];
	const char *options[] = {"--unixsocket", path, "--requirepass", "pw"};

	server_kill(&world.server);
	snprintf(path, sizeof path, "%s/s", world.server.folder);
	server_start(&world.server, options, COUNT(options));
	use_url("redis+unix://:pw@%s?db=2", path);
	connect_both();
	run_until(both_are_up());

	server_kill(&world.server);
	run_until(!both_are_up());
	server_restart(&world.server);
	run_until(both_are_up());
}
END_TEST

START_TEST(a_missing_unix_socket_is_reported)
{
	use_url("redis+unix://%s/nothing", world.server.folder);
	subscribe();

	run_until(subscriber_has_trouble("No such file"));
	ck_assert_uint_eq(log_lines("/nothing"), 1);
}
END_TEST

/* One of localhost's addresses, in any order, is 127.0.0.1. */
START_TEST(a_host_name_is_resolved)
{
	use_url("redis://worker:pw@localhost:%d", world.server.port);
	connect_both();

	run_until(both_are_up());
}
END_TEST

START_TEST(an_unknown_host_name_is_reported_and_does_not_stop_the_loop)
{
	int64_t longest = 0;

	use_url("redis://no-such-host.invalid");
	subscribe();
	while (!subscriber_has_trouble("host not found")) {
		int64_t begin = milliseconds();

		run_once();
		if (milliseconds() - begin > longest)
			longest = milliseconds() - begin;
	}

	ck_assert_int_lt(longest, 500);
}
END_TEST

/* A host name may still be in its look-up then. */
START_TEST(a_connection_that_is_freed_at_any_time_leaks_nothing)
{
	use_url(_i % 2 ? "redis://localhost:%d" : "redis://127.0.0.1:%d", world.server.port);
	subscribe();
	for (int turns = 0; turns < _i / 2; turns++)
		event_base_loop(world.base, EVLOOP_ONCE);
	redis_subscriber_free(&world.subscriber);

	ck_assert_ptr_null(world.subscriber);
}
END_TEST

START_TEST(a_connection_finds_a_server_that_starts_later)
{
	server_kill(&world.server);
	use_url("redis://worker:pw@127.0.0.1:%d", world.server.port);
	subscribe();
	run_until(subscriber_has_trouble("Connection refused"));
	run_for(1500);
	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
	ck_assert_uint_eq(log_lines("Connection refused"), 1);

	use_url("redis://:s%%3Acr%%25t@127.0.0.1:%d", world.server.port);
	server_restart(&world.server);
	run_until(subscriber_is_up());
	ck_assert_uint_eq(log_lines("connected to Redis"), 1);
}
END_TEST

static size_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

START_TEST(failed_attempts_leave_no_descriptor_open)
{
	size_t before;

	server_kill(&world.server);
	use_url("redis://localhost:%d", world.server.port);
	run_once();
	before = open_descriptors();
	subscribe();
	run_for(2000);
	redis_subscriber_free(&world.subscriber);
	run_once();

	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(each_loss_of_a_connection_is_reported)
{
	use_url("redis://worker:pw@127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	for (size_t losses = 1; losses <= 3; losses++) {
		run_until(publisher_is_up());
		command("CLIENT KILL USER worker");
		run_until(!publisher_is_up());
		ck_assert_uint_eq(log_lines("lost Redis"), losses);
	}
}
END_TEST

/* ---- peers that are not Redis ---- */

static const struct {
	enum peer_manner manner;
	const char *text, *trouble;
} peers[] = {
	{PEER_ECHOES, "", "AUTH was refused"},
	{PEER_SAYS, "HTTP/1.1 400 Bad Request\r\n\r\n", "not the protocol of Redis"},
	{PEER_SAYS, "\x15\x03\x01\x02\x02\x16", "this port speaks TLS"},
	{PEER_SAYS, "\x16\x03\x01\x02\x02\x16", "not the protocol of Redis"},
	{PEER_SAYS, "+OK\r\n*1000000000\r\n", "not the protocol of Redis"},
	{PEER_SAYS, "+OK\r\n$-7\r\n", "not the protocol of Redis"},
	{PEER_SAYS, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
	 "nested too deeply"},
	{PEER_SAYS, "-ERR unknown command 'AUTH', with args beginning with: 'me' 'pw-of-mine'\r\n",
	 "AUTH was refused"},
	{PEER_SAYS, "-DENIED Redis is running in protected mode\r\n", "DENIED"},
	{PEER_SAYS, "+OK\r\n+OK\r\n+OK\r\n", "is this a Redis server?"},
	{PEER_SAYS, "+OK\r\n+OK\r\n$20\r\nredis_version:5.0.3\n\r\n", "5.0.3 is too old"},
	{PEER_SAYS, "+OK\r\n+OK\r\n$20\r\nredis_version:7.0.0\n\r\n:1\r\n", "unexpected type of reply"},
	{PEER_HANGS_UP, "", "closed the connection"},
	{PEER_IS_SILENT, "", "no answer to the handshake"},
};

START_TEST(a_peer_that_is_not_redis_is_reported_as_such)
{
	struct peer *peer = peer_new(world.base, peers[_i].manner, peers[_i].text);

	use_url("redis://me:pw-of-mine@127.0.0.1:%d", peer_port(peer));
	subscribe();
	run_until(subscriber_has_trouble(peers[_i].trouble) ||
		  (peers[_i].manner == PEER_HANGS_UP && subscriber_has_trouble("reset")));
	run_for(500);

	ck_assert(!subscriber_is_up());
	ck_assert_uint_eq(log_lines("pw-of-mine"), 0);
	redis_subscriber_free(&world.subscriber);
	peer_free(&peer);
}
END_TEST

/* What a peer sends after a handshake like that of Redis: no later reply may do harm either. */
static const char *const sequels[] = {
	"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n*2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
	"*3\r\n$7\r\nmessage\r\n$10\r\np:allocate\r\n$1\r\nx\r\n",
	"*0\r\n",
	"*-1\r\n",
	"$-1\r\n",
	":7\r\n",
	"*3\r\n$-1\r\n$-1\r\n$-1\r\n",
	"*3\r\n*0\r\n*0\r\n*0\r\n",
	"*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n",
	"*1\r\n$9\r\nsubscribe\r\n",
	"-ERR max number of clients reached\r\n",
};

START_TEST(unexpected_replies_do_no_harm)
{
	char text[512];
	struct peer *peer;

	snprintf(text, sizeof text, "+OK\r\n+OK\r\n$20\r\nredis_version:7.0.0\n\r\n$11\r\nrole:master\r\n%s",
		 sequels[_i]);
	peer = peer_new(world.base, PEER_SAYS, text);
	use_url("redis://me:pw@127.0.0.1:%d", peer_port(peer));
	subscribe();
	run_until(subscriber_has_trouble("an answer") || subscriber_has_trouble("SUBSCRIBE"));

	ck_assert_uint_eq(world.told.messages, 0);
	ck_assert_uint_eq(world.told.ups, 0);
	redis_subscriber_free(&world.subscriber);
	peer_free(&peer);
}
END_TEST

SUITE("redis connection", setup, world_teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, a_user_with_the_rights_connects, 0, COUNT(good_users));
	tcase_add_loop_test(tests, the_log_says_why_a_user_without_the_rights_is_refused, 0,
			    COUNT(bad_users));
	tcase_add_test(tests, a_connection_succeeds_once_the_missing_right_is_granted);
	tcase_add_test(tests, client_list_shows_the_name_of_a_connection);
	tcase_add_loop_test(tests, a_rotated_password_is_used_at_the_next_attempt, 0, COUNT(rotations));
	tcase_add_test(tests, a_missing_right_leads_to_the_user_of_a_new_url);
	tcase_add_loop_test(tests, a_url_that_became_malformed_is_reported_without_quoting_it, 0,
			    COUNT(malformed));
	tcase_add_test(tests, a_database_number_that_redis_lacks_is_reported);
	tcase_add_test(tests, a_connection_may_use_a_unix_socket);
	tcase_add_test(tests, a_missing_unix_socket_is_reported);
	tcase_add_test(tests, a_host_name_is_resolved);
	tcase_add_test(tests, an_unknown_host_name_is_reported_and_does_not_stop_the_loop);
	tcase_add_loop_test(tests, a_connection_that_is_freed_at_any_time_leaks_nothing, 0, 24);
	tcase_add_test(tests, a_connection_finds_a_server_that_starts_later);
	tcase_add_test(tests, failed_attempts_leave_no_descriptor_open);
	tcase_add_test(tests, each_loss_of_a_connection_is_reported);
	tcase_add_loop_test(tests, a_peer_that_is_not_redis_is_reported_as_such, 0, COUNT(peers));
	tcase_add_loop_test(tests, unexpected_replies_do_no_harm, 0, COUNT(sequels));
}
