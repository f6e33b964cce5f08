/* A name with several addresses: the first address with a usable Redis is chosen. */
#include "peer.h"
#include "support/suites.h"
#include "world.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "several.test"

/* The look-up of this name does not end before `answers` is set. */
#define MUTE_NAME "mute.test"
static atomic_bool answers;

/* The addresses that the system's resolver would return for NAME, in this order. */
static const char *const several[] = {"127.0.0.2", "127.0.0.3", "127.0.0.1"};

/* ---- the resolver of this program ---- */

static struct addrinfo *with_address(const struct addrinfo *model, const char *text, struct addrinfo *next)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in address;
	} *found = calloc(1, sizeof *found);

	found->info = *model;
	found->address = *(const struct sockaddr_in *)(const void *)model->ai_addr;
	inet_pton(AF_INET, text, &found->address.sin_addr);
	found->info.ai_addr = (struct sockaddr *)&found->address;
	found->info.ai_next = next;
	return &found->info;
}

/* The C library frees such a list as it does one of its own: each element is one block. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	int (*of_system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo *model = NULL, *list = NULL;
	int error;

	*(void **)&of_system = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && !strcmp(node, MUTE_NAME) && !(hints->ai_flags & AI_NUMERICHOST)) {
		while (!answers)
			usleep(10000);
		return EAI_AGAIN;
	}
	if (!node || strcmp(node, NAME) != 0)
		return of_system(node, service, hints, found);
	error = of_system("127.0.0.1", service, hints, &model);
	if (error)
		return error;
	for (size_t i = sizeof several / sizeof several[0]; i > 0; i--)
		list = with_address(model, several[i - 1], list);
	freeaddrinfo(model);
	*found = list;
	return 0;
}

/* ---- what is behind the other addresses ---- */

static struct peer *peers[2];
static struct server replica;
static int full[3] = {-1, -1, -1}; /* a listening socket and what fills its queue */

static void teardown(void)
{
	redis_subscriber_free(&world.subscriber);
	for (size_t i = 0; i < 2; i++) {
		if (peers[i])
			peer_free(&peers[i]);
	}
	if (*replica.folder)
		server_release(&replica);
	for (size_t i = 0; i < 3; i++) {
		if (full[i] >= 0)
			close(full[i]);
		full[i] = -1;
	}
	world_teardown();
}

static void setup(void)
{
	memset(&replica, 0, sizeof replica);
	world_setup();
	start_server(NULL, 0);
}

/* The kernel drops SYNs while the queue of connections is full. */
static void drop_syns(const char *address)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)world.server.port)};

	inet_pton(AF_INET, address, &at.sin_addr);
	for (size_t i = 0; i < 3; i++)
		full[i] = socket(AF_INET, SOCK_STREAM | (i ? SOCK_NONBLOCK : 0), 0);
	ck_assert_int_eq(bind(full[0], (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(full[0], 0), 0);
	for (size_t i = 1; i < 3; i++)
		(void)!connect(full[i], (struct sockaddr *)&at, sizeof at);
}

static const struct {
	enum peer_manner manner;
	const char *text;
	size_t count; /* of addresses with such a peer */
} strangers[] = {
	{PEER_IS_SILENT, "", 1},
	{PEER_HANGS_UP, "", 2},
	{PEER_SAYS, "HTTP/1.1 400 Bad Request\r\n\r\n", 2},
	{PEER_SAYS, "-NOAUTH Authentication required.\r\n", 2},
	{PEER_SAYS, "-LOADING Redis is loading the dataset in memory\r\n", 2},
	{PEER_SAYS, "+OK\r\n", 1},
};

/* The third address is that of the private server. */
START_TEST(an_address_without_a_redis_does_not_keep_us_from_the_next)
{
	int64_t begin = milliseconds();

	for (size_t i = 0; i < strangers[_i].count && i < 2; i++)
		peers[i] = peer_new_at(world.base, strangers[_i].manner, strangers[_i].text, several[i],
				       world.server.port);
	use_url("redis://" NAME ":%d", world.server.port);
	subscribe();
	run_until(subscriber_is_up());

	ck_assert_int_lt(milliseconds() - begin, 8000);
	ck_assert_uint_eq(log_lines("cannot reach Redis"), 0);
}
END_TEST

START_TEST(an_address_that_drops_packets_is_skipped)
{
	int64_t begin = milliseconds();

	drop_syns(several[0]);
	use_url("redis://" NAME ":%d", world.server.port);
	subscribe();
	run_until(subscriber_is_up());

	ck_assert_int_lt(milliseconds() - begin, 5000);
}
END_TEST

/* Starts a replica on the master's port, at another address. */
static void start_replica(const char *address)
{
	static char port[12];
	const char *options[] = {"--bind", address, "--replicaof", "127.0.0.1", port};
	redisContext *context = NULL;

	server_init(&replica);
	replica.port = world.server.port;
	snprintf(port, sizeof port, "%d", world.server.port);
	server_start(&replica, options, COUNT(options));
	do {
		redisFree(context);
		context = redisConnect(address, replica.port);
	} while (context->err);
	redisFree(context);
}

/* One name for all nodes suffices, also when the master changes. */
START_TEST(the_address_of_a_replica_is_skipped)
{
	start_replica(several[_i]);
	use_url("redis://" NAME ":%d", world.server.port);
	subscribe();

	run_until(subscriber_is_up());
	ck_assert_int_eq(command("PUBLISH p:allocate 1"), 1);
}
END_TEST

/* The reason stays the same in any order of the addresses. */
START_TEST(when_all_addresses_fail_the_most_specific_reason_is_logged_once)
{
	server_kill(&world.server);
	peers[0] = peer_new_at(world.base, PEER_SAYS, "-NOAUTH Authentication required.\r\n", several[_i],
			       world.server.port);
	use_url("redis://" NAME ":%d", world.server.port);
	subscribe();
	run_for(3000);

	ck_assert_ptr_nonnull(strstr(redis_subscriber_trouble(world.subscriber), "NOAUTH"));
	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
}
END_TEST

START_TEST(the_time_of_an_address_includes_the_tls_handshake)
{
	peers[0] = peer_new_at(world.base, PEER_IS_SILENT, "", several[0], world.server.port);
	use_url("rediss://" NAME ":%d", world.server.port);
	subscribe();
	run_until(redis_subscriber_trouble(world.subscriber) &&
		  strstr(redis_subscriber_trouble(world.subscriber), "TLS"));
	run_for(500);

	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
}
END_TEST

START_TEST(a_look_up_that_does_not_end_is_given_up)
{
	answers = false;
	use_url("redis://" MUTE_NAME ":%d", world.server.port);
	subscribe();
	run_until(redis_subscriber_trouble(world.subscriber) &&
		  strstr(redis_subscriber_trouble(world.subscriber), "the look-up takes too long"));
	answers = true;

	ck_assert_uint_eq(log_lines("cannot reach Redis"), 1);
}
END_TEST

SUITE("redis addresses", setup, teardown)
{
	tcase_add_loop_test(tests, an_address_without_a_redis_does_not_keep_us_from_the_next, 0,
			    COUNT(strangers));
	tcase_add_test(tests, an_address_that_drops_packets_is_skipped);
	tcase_add_loop_test(tests, the_address_of_a_replica_is_skipped, 0, 2);
	tcase_add_loop_test(tests, when_all_addresses_fail_the_most_specific_reason_is_logged_once, 0, 2);
	tcase_add_test(tests, the_time_of_an_address_includes_the_tls_handshake);
}

SUITE("redis addresses", setup, teardown)
{
	tcase_add_test(tests, a_look_up_that_does_not_end_is_given_up);
}
