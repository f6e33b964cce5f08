/* TLS to a real Redis, with authorities that live as long as a test. */
#include "support/suites.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char authority[64], certificate[64], key[64], client_certificate[64], client_key[64];
static int tls_port;

static void path(char text[64], const char *name)
{
	snprintf(text, 64, "%s/%s", world.server.folder, name);
}

/* Runs a script in the server's folder. */
static void run_script(const char *script)
{
	run_program((const char *[]){"sh", "-ec", script, "sh", world.server.folder, NULL});
}

/* Makes an authority, and certificates from it: a server's for those names, and a client's. */
static void make_certificates(const char *names)
{
	path(authority, "ca.crt");
	path(certificate, "server.crt");
	path(key, "server.key");
	path(client_certificate, "client.crt");
	path(client_key, "client.key");
	setenv("NAMES", names, 1);
	run_script(
		"cd $1\n"
		"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
		"openssl req -x509 $new -days 2 -subj '/CN=throw-away authority' -keyout ca.key -out ca.crt\n"
		"echo subjectAltName=$NAMES > names\n"
		"for name in server client; do\n"
		"	openssl req $new -subj /CN=$name -keyout $name.key -out request\n"
		"	openssl x509 -req -in request -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \\\n"
		"		-extfile names -out $name.crt\n"
		"done");
}

static void start_tls_server_that_asks(const char *names, const char *clients, const char *protocols)
{
	static char port[12];
	const char *options[] = {"--tls-port",         port,    "--tls-cert-file",    certificate,
				 "--tls-key-file",     key,     "--tls-ca-cert-file", authority,
				 "--tls-auth-clients", clients, "--tls-protocols",    protocols};

	make_certificates(names);
	tls_port = world.server.port + SECOND_PORT;
	snprintf(port, sizeof port, "%d", tls_port);
	start_server(options, COUNT(options));
	setenv("SSL_CERT_FILE", authority, 1);
}

static void start_tls_server(const char *names)
{
	start_tls_server_that_asks(names, "no", "TLSv1.2 TLSv1.3");
}

static void setup(void)
{
	world_setup();
}

static void teardown(void)
{
	world_teardown();
	unsetenv("SSL_CERT_FILE");
}

static bool has_trouble(const char *text)
{
	const char *trouble = redis_subscriber_trouble(world.subscriber);

	return trouble && strstr(trouble, text);
}

static const struct {
	const char *names, *host;
} good[] = {
	{"DNS:localhost", "localhost"},
	{"DNS:elsewhere.example,IP:127.0.0.1", "127.0.0.1"},
};

START_TEST(a_certificate_for_the_host_is_trusted)
{
	start_tls_server(good[_i].names);
	use_url("rediss://%s:%d", good[_i].host, tls_port);
	subscribe();
	run_until(subscriber_is_up());
	ck_assert_int_eq(command("PUBLISH p:allocate 1"), 1);
	run_until(world.told.messages == 1);

	ck_assert_mem_eq(world.told.payload, "1", 1);
}
END_TEST

static const struct {
	const char *names, *host, *trouble;
} bad[] = {
	{"DNS:elsewhere.example", "localhost", "ostname mismatch"},
	{"DNS:localhost", "127.0.0.1", "IP address mismatch"},
	{"DNS:127.0.0.1", "127.0.0.1", "IP address mismatch"},
};

START_TEST(a_certificate_for_another_host_is_refused)
{
	start_tls_server(bad[_i].names);
	use_url("rediss://:the-password@%s:%d", bad[_i].host, tls_port);
	subscribe();

	run_until(has_trouble(bad[_i].trouble));
	ck_assert(has_trouble("certificate"));
}
END_TEST

START_TEST(an_unknown_authority_is_refused)
{
	start_tls_server("DNS:localhost");
	unsetenv("SSL_CERT_FILE");
	use_url("rediss://localhost:%d", tls_port);
	subscribe();

	run_until(has_trouble("certificate"));
	ck_assert_uint_eq(log_lines("certificate"), 1);
}
END_TEST

static const char *const protocols[] = {"TLSv1.3", "TLSv1.2", "TLSv1.2 TLSv1.3"};

/*
 * With TLS 1.3 the server reports this only after the handshake; if it closes too soon, the error is a guess.
 */
START_TEST(a_server_that_demands_a_client_certificate_is_reported)
{
	start_tls_server_that_asks("DNS:localhost", "yes", protocols[_i]);
	use_url("rediss://localhost:%d", tls_port);
	subscribe();

	run_until(has_trouble("tls-auth-clients"));
	ck_assert(has_trouble("demands a client certificate"));
	run_for(1000);
	/* One line for each way to see the end: an alert, a closed, a reset and a broken connection. */
	ck_assert_uint_eq(log_lines("cannot reach Redis"), log_lines("client certificate"));
	ck_assert_uint_le(log_lines("cannot reach Redis"), 4);
}
END_TEST

START_TEST(a_server_without_tls_is_reported)
{
	start_server(NULL, 0);
	use_url("rediss://localhost:%d", world.server.port);
	subscribe();

	run_until(has_trouble("this port does not speak TLS") || has_trouble("does this port speak TLS?"));
}
END_TEST

START_TEST(a_server_with_tls_is_not_reached_without_tls)
{
	start_tls_server("DNS:localhost");
	use_url("redis://localhost:%d", tls_port);
	subscribe();

	run_until(has_trouble("rediss://"));
}
END_TEST

/* Messages pass watermarks, pauses, and TLS records that end anywhere. */
START_TEST(messages_are_neither_lost_nor_reordered_under_tls)
{
	enum { TOTAL = 20000, PORTION = 1500 };

	start_tls_server("DNS:localhost");
	use_url("rediss://localhost:%d", tls_port);
	subscribe();
	run_until(subscriber_is_up());
	redis_subscriber_pause(world.subscriber);
	for (int i = 1; i <= TOTAL; i++)
		redisAppendCommand(world.control, "PUBLISH p:allocate %d,%0100d", i, 0);
	for (int i = 1; i <= TOTAL; i++) {
		redisReply *reply;

		ck_assert_int_eq(redisGetReply(world.control, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
	while (world.told.messages < TOTAL) {
		size_t target = world.told.messages + PORTION < TOTAL ? world.told.messages + PORTION : TOTAL;

		world.told.pause_after = target;
		redis_subscriber_resume(world.subscriber);
		run_until(world.told.messages == target);
	}

	ck_assert_uint_eq(world.told.disorders, 0);
	ck_assert_uint_eq(world.told.downs, 0);
}
END_TEST

START_TEST(a_paused_subscriber_holds_a_bounded_amount_under_tls)
{
	char *payload = calloc(1, 65536);
	size_t before;

	start_tls_server("DNS:localhost");
	use_url("rediss://localhost:%d", tls_port);
	subscribe();
	run_until(subscriber_is_up());
	before = world.most_memory;
	redis_subscriber_pause(world.subscriber);
	for (int i = 0; i < 200; i++)
		command("PUBLISH p:allocate %b", payload, (size_t)65536);
	free(payload);
	run_for(500);

	ck_assert_uint_lt(world.most_memory, before + (1 << 20));
	redis_subscriber_resume(world.subscriber);
	run_until(world.told.messages == 200);
	ck_assert_uint_eq(world.told.downs, 0);
}
END_TEST

START_TEST(a_giant_payload_is_drained_under_tls)
{
	size_t size = (size_t)8 << 20;
	char *payload = calloc(1, size);

	start_tls_server("DNS:localhost");
	use_url("rediss://localhost:%d", tls_port);
	subscribe();
	run_until(subscriber_is_up());
	command("PUBLISH p:allocate %b", payload, size);
	free(payload);
	command("PUBLISH p:allocate 7");
	run_until(world.told.messages == 2);

	ck_assert_int_eq(world.told.number, 7);
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->oversized, 1);
}
END_TEST

static size_t answers;

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	(void)published;
	(void)context;
	ck_assert_ptr_null(failure);
	answers++;
}

START_TEST(events_are_published_under_tls)
{
	struct outgoing events[1000];

	start_tls_server("DNS:localhost");
	use_url("rediss://localhost:%d", tls_port);
	start_publisher(NULL);
	run_until(publisher_is_up());
	for (int i = 0; i < 1000; i++)
		events[i] = (struct outgoing){.type = MSG_OUT_OF_STOCK, .payload = {"payload", 7}};
	for (int i = 0; i < 10; i++)
		publish_events(world.publisher, events, 1000, on_done, NULL);
	run_until(answers == 10);

	ck_assert_uint_eq(redis_publisher_stats(world.publisher)->published, 10000);
}
END_TEST

START_TEST(a_lost_connection_is_made_again_under_tls)
{
	start_tls_server("DNS:localhost");
	use_url("rediss://localhost:%d", tls_port);
	subscribe();
	run_until(subscriber_is_up());
	server_kill(&world.server);
	run_until(world.told.downs == 1);
	server_restart(&world.server);

	run_until(world.told.ups == 2);
}
END_TEST

/* ---- the files that the settings name ---- */

static void use_files(const char *authorities, const char *client, const char *clients_key)
{
	unsetenv("SSL_CERT_FILE");
	use_url("rediss://localhost:%d", tls_port);
	world.settings.url.tls_files = (struct tls_files){authorities, client, clients_key};
}

START_TEST(a_client_certificate_is_presented)
{
	start_tls_server_that_asks("DNS:localhost", "yes", protocols[_i]);
	use_files(authority, client_certificate, client_key);
	subscribe();

	run_until(subscriber_is_up());
}
END_TEST

START_TEST(a_file_of_authorities_replaces_those_of_the_system)
{
	start_tls_server("DNS:localhost");
	run_script("cd $1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
		   " -subj /CN=other -keyout other.key -out other.crt");
	path(client_certificate, "other.crt");
	use_files(client_certificate, "", "");
	setenv("SSL_CERT_FILE", authority, 1);
	subscribe();

	run_until(has_trouble("ALLOCD_REDIS_CA_FILE"));
	ck_assert(has_trouble("certificate"));
}
END_TEST

START_TEST(a_client_certificate_of_an_unknown_authority_is_reported)
{
	start_tls_server_that_asks("DNS:localhost", "yes", "TLSv1.3");
	run_script("cd $1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
		   " -subj /CN=other -keyout client.key -out client.crt");
	use_files(authority, client_certificate, client_key);
	subscribe();

	run_until(has_trouble("ALLOCD_REDIS_CERT_FILE"));
}
END_TEST

/* How a script spoils one of the files, and what the error says besides the setting and the path. */
static const struct {
	const char *setting, *name, *script, *error;
} spoiled[] = {
	{"ALLOCD_REDIS_CA_FILE", "ca.crt", "rm ca.crt", "No such file"},
	{"ALLOCD_REDIS_CA_FILE", "ca.crt", "rm ca.crt; mkfifo ca.crt", "not a regular file"},
	{"ALLOCD_REDIS_CA_FILE", "ca.crt", "echo nothing > ca.crt", "no certificate"},
	{"ALLOCD_REDIS_CERT_FILE", "client.crt", "rm client.crt; mkdir client.crt", "not a regular file"},
	{"ALLOCD_REDIS_CERT_FILE", "client.crt", "cp client.key client.crt", "no start line"},
	{"ALLOCD_REDIS_KEY_FILE", "client.key", "rm client.key", "No such file"},
	{"ALLOCD_REDIS_KEY_FILE", "client.key", "cp server.key client.key", "not the key of the certificate"},
	{"ALLOCD_REDIS_KEY_FILE", "client.key", "openssl genrsa -out client.key 2048",
	 "not the key of the certificate"},
	{"ALLOCD_REDIS_KEY_FILE", "client.key",
	 "openssl ec -aes128 -passout pass:secret -in kept/client.key -out client.key", "is encrypted"},
};

START_TEST(a_file_that_cannot_be_used_is_named_and_read_again)
{
	char script[256], file[64];

	start_tls_server_that_asks("DNS:localhost", "yes", "TLSv1.3");
	snprintf(script, sizeof script, "cd $1; mkdir kept; cp *.crt *.key kept; %s", spoiled[_i].script);
	run_script(script);
	use_files(authority, client_certificate, client_key);
	path(file, spoiled[_i].name);
	subscribe();
	run_until(has_trouble(spoiled[_i].setting));
	ck_assert_msg(has_trouble(file) && has_trouble(spoiled[_i].error), "%s",
		      redis_subscriber_trouble(world.subscriber));

	snprintf(script, sizeof script, "cd $1; rm -rf %s; cp kept/%s .", spoiled[_i].name, spoiled[_i].name);
	run_script(script);

	run_until(subscriber_is_up());
}
END_TEST

START_TEST(rotated_certificates_are_used_from_the_next_connect_on)
{
	start_tls_server_that_asks("DNS:localhost", "yes", "TLSv1.3");
	use_files(authority, client_certificate, client_key);
	subscribe();
	run_until(subscriber_is_up());

	make_certificates("DNS:localhost");
	ck_assert(subscriber_is_up());
	server_kill(&world.server);
	run_until(world.told.downs == 1);
	server_restart(&world.server);

	run_until(world.told.ups == 2);
}
END_TEST

SUITE("redis tls", setup, teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, a_certificate_for_the_host_is_trusted, 0, COUNT(good));
	tcase_add_loop_test(tests, a_certificate_for_another_host_is_refused, 0, COUNT(bad));
	tcase_add_test(tests, an_unknown_authority_is_refused);
	tcase_add_loop_test(tests, a_server_that_demands_a_client_certificate_is_reported, 0,
			    COUNT(protocols));
	tcase_add_test(tests, a_server_without_tls_is_reported);
	tcase_add_test(tests, a_server_with_tls_is_not_reached_without_tls);
	tcase_add_test(tests, messages_are_neither_lost_nor_reordered_under_tls);
	tcase_add_test(tests, a_paused_subscriber_holds_a_bounded_amount_under_tls);
	tcase_add_test(tests, a_giant_payload_is_drained_under_tls);
	tcase_add_test(tests, events_are_published_under_tls);
	tcase_add_test(tests, a_lost_connection_is_made_again_under_tls);
	tcase_add_loop_test(tests, a_client_certificate_is_presented, 0, COUNT(protocols));
	tcase_add_test(tests, a_file_of_authorities_replaces_those_of_the_system);
	tcase_add_test(tests, a_client_certificate_of_an_unknown_authority_is_reported);
	tcase_add_loop_test(tests, a_file_that_cannot_be_used_is_named_and_read_again, 0, COUNT(spoiled));
	tcase_add_test(tests, rotated_certificates_are_used_from_the_next_connect_on);
}
