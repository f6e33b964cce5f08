/* An engine and the HTTP API on adapters in memory, and a client on a real socket, all in one thread. */
#include "world.h"

#include "adapters/codec/codec.h"
#include "adapters/system/instants.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 2000

static void observe(void *context, struct observation *observation, struct arena *words)
{
	const struct world *world = context;
	const struct broker *broker = memory_broker_port(world->broker);

	(void)words;
	observe_engine(observation, world->engine);
	observation->redis = "a test";
	observation->inputs[0] =
		(struct status_input){.kind = "stream", .name = "orders", .lost = world->lost[0]};
	observation->inputs[1] =
		(struct status_input){.kind = "stream", .name = "batches", .lost = world->lost[1]};
	observation->input_count = world->lost[0] || world->lost[1] ? 2 : 0;
	observation->outputs.unheard = world->unheard;
	observation->unheard_expected = world->unheard_expected;
	observation->subscription = (struct report){!world->listening, "Connection refused", 60000};
	observation->publisher = (struct report){!broker->ops->is_up(broker), "Connection reset", 1000};
}

static void make_ports(struct world *world)
{
	world->simulation = simulation_new();
	world->database = database_new(world->simulation, &(struct database_config){1000, 7, 90});
	memory_clock_init(&world->clock, world->simulation);
	memory_random_init(&world->random, 1);
	memory_logger_init(&world->logger);
	for (int i = 0; i < 4; i++)
		world->stores[i] = memory_store_new(world->database);
	world->views = memory_views_new(world->database);
	world->broker = memory_broker_new(world->simulation);
	world->notifier = memory_notifier_new(world->simulation);
	world->codec = codec_new(&(struct codec_config){CODEC_JSON, CODEC_BARE, "test"});
}

static void make_engine(struct world *world, size_t queue_max)
{
	const struct engine_ports ports = {
		.lane_stores = {memory_unit_store(world->stores[0])},
		.batch_directory = memory_batch_directory(world->stores[1]),
		.process_store = memory_process_store(world->stores[1]),
		.outbox_store = memory_outbox_store(world->stores[2]),
		.chores_store = memory_chores_store(world->stores[3]),
		.codec = world->codec,
		.broker = memory_broker_port(world->broker),
		.notifier = memory_notifier_port(world->notifier),
		.clock = &world->clock.clock,
		.random = &world->random.random,
		.logger = &world->logger.logger,
	};
	const struct engine_config config = {.unit_max = 100,
					     .move_max = MOVE_MAX_DEFAULT,
					     .lanes = 1,
					     .queue_max = queue_max,
					     .queue_bytes = 1 << 20};

	world->engine = engine_new(&ports, &config);
	engine_start(world->engine);
}

static void make_api(struct world *world)
{
	const char *error;
	bool in_use;

	world->base = event_base_new();
	world->sampler = sampler_new(&world->clock.clock, &world->logger.logger, "test:5005");
	world->api = http_api_new(world->base,
				  &(struct http_server_config){.address = {"127.0.0.1", 0},
							       .connections_max = CONNECTIONS_MAX,
							       .logger = &world->logger.logger},
				  &(struct http_gate){0}, world->sampler, DEADLINE_MS, world->arena, &error,
				  &in_use);
	ck_assert_ptr_nonnull(world->api);
	world->listening = true;
}

void world_start(struct world *world)
{
	sampler_start(world->sampler, memory_views_port(world->views), observe, world);
	http_api_start(world->api, &(struct http_services){
					   .engine = world->engine,
					   .views = memory_views_port(world->views),
					   .broker = memory_broker_port(world->broker),
					   .event_to_json = codec_payload_to_line,
				   });
}

void world_init_starting(struct world *world, size_t queue_max)
{
	*world = (struct world){.arena = arena_new(65536)};
	make_ports(world);
	make_engine(world, queue_max);
	make_api(world);
}

void world_init(struct world *world, size_t queue_max)
{
	world_init_starting(world, queue_max);
	world_start(world);
}

void world_release(struct world *world)
{
	for (int i = 0; i < 4; i++)
		memory_store_free(&world->stores[i]);
	memory_views_free(&world->views);
	memory_broker_free(&world->broker);
	memory_notifier_free(&world->notifier);
	engine_free(&world->engine);
	http_api_free(&world->api);
	sampler_free(&world->sampler);
	event_base_free(world->base);
	codec_free(&world->codec);
	memory_logger_release(&world->logger);
	database_free(&world->database);
	simulation_free(&world->simulation);
	arena_free(&world->arena);
}

/* Advances the event loop and the simulation by one millisecond. */
static void step(struct world *world)
{
	simulation_advance_ms(world->simulation, 1);
	event_base_loop(world->base, EVLOOP_NONBLOCK);
	simulation_run_until_idle(world->simulation);
	event_base_loop(world->base, EVLOOP_NONBLOCK);
	usleep(200);
}

void world_run_ms(struct world *world, int ms)
{
	for (int64_t end = monotonic_ms() + ms; monotonic_ms() < end;)
		step(world);
}

void world_join(const struct world *world, int client)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(http_api_port(world->api)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
}

int world_connect(const struct world *world)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);

	world_join(world, client);
	return client;
}

void world_send(int client, const char *text)
{
	size_t size = strlen(text);

	ck_assert_int_eq(send(client, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* The number of whole replies that the text begins with. */
static int count_replies(const char *text)
{
	int count = 0;
	const char *body, *length;

	while ((body = strstr(text, "\r\n\r\n"))) {
		length = strcasestr(text, "\r\nContent-Length: ");
		body += strlen("\r\n\r\n");
		if (length && length < body)
			body += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
		if (body > text + strlen(text))
			return count;
		text = body;
		count++;
	}
	return count;
}

const char *world_receive(struct world *world, int client, int replies)
{
	size_t size = 0, room = 1 << 20;
	char *text = arena_alloc(world->arena, room);

	for (int64_t end = monotonic_ms() + PATIENCE_MS;
	     monotonic_ms() < end && count_replies(text) < replies;) {
		ssize_t got;

		step(world);
		got = recv(client, text + size, room - size - 1, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got > 0)
			size += (size_t)got;
	}
	return text;
}

const char *world_ask(struct world *world, const char *request)
{
	int client = world_connect(world);
	const char *reply;

	world_send(client, request);
	reply = world_receive(world, client, 1);
	close(client);
	return reply;
}

const char *world_get(struct world *world, const char *path)
{
	return world_ask(world,
			 arena_printf(world->arena, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
}

const char *world_post(struct world *world, const char *path, const char *body)
{
	return world_ask(
		world,
		arena_printf(world->arena,
			     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			     "Content-Length: %zu\r\n\r\n%s",
			     path, strlen(body), body));
}

int reply_status(const char *reply)
{
	return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

const char *reply_body(const char *reply)
{
	const char *body = strstr(reply, "\r\n\r\n");

	return body ? body + strlen("\r\n\r\n") : "";
}

const char *reply_header_value(struct world *world, const char *reply, const char *name)
{
	const char *line = strcasestr(reply, arena_printf(world->arena, "\r\n%s: ", name));

	if (!line || line > reply_body(reply))
		return NULL;
	line += strlen("\r\n: ") + strlen(name);
	return arena_printf(world->arena, "%.*s", (int)strcspn(line, "\r"), line);
}

const char *reply_message(struct world *world, const char *reply)
{
	json_t *problem = json_loads(reply_body(reply), 0, NULL);
	const char *text;

	ck_assert_str_eq(reply_header_value(world, reply, "Content-Type"), "application/problem+json");
	ck_assert_int_eq(json_integer_value(json_object_get(problem, "status")), reply_status(reply));
	text = arena_strdup(world->arena, json_string_value(json_object_get(problem, "message")));
	json_decref(problem);
	return text;
}
