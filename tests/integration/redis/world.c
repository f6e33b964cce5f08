/* The tests' world. */
#include "world.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct world world;

/* ---- ports ---- */

static void fill(struct random *random, void *bytes, size_t size)
{
	(void)random;
	ck_assert_int_eq(getrandom(bytes, size, 0), (ssize_t)size);
}

static void write_line(struct logger *logger, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	size_t size = strlen(world.log);

	(void)logger;
	size += (size_t)snprintf(world.log + size, sizeof world.log - size, "%d %s", (int)level, message);
	for (size_t i = 0; i < count && size < sizeof world.log; i++)
		size += (size_t)snprintf(world.log + size, sizeof world.log - size, " %s=%s", fields[i].name,
					 fields[i].text);
	ck_assert_uint_lt(size + 1, sizeof world.log);
	strcat(world.log, "\n");
}

static struct random random_port = {fill};
static struct logger logger = {.level = LOG_DEBUG, .write = write_line};

size_t log_lines(const char *text)
{
	size_t count = 0;

	for (const char *line = world.log, *end; (end = strchr(line, '\n')); line = end + 1)
		count += memmem(line, (size_t)(end - line), text, strlen(text)) != NULL;
	return count;
}

/* ---- what the subscriber tells ---- */

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct told *told = context;
	char text[32] = "";
	long before = told->number;

	told->messages++;
	told->type = type;
	snprintf(told->channel, sizeof told->channel, "%s", channel);
	ck_assert_uint_le(payload.size, sizeof told->payload);
	memcpy(told->payload, payload.data, payload.size);
	told->size = payload.size;
	told->true_size = true_size;
	memcpy(text, payload.data, payload.size < sizeof text ? payload.size : sizeof text - 1);
	told->number = strtol(text, NULL, 10);
	told->disorders += told->number != before + 1;
	if (told->messages == told->pause_after)
		redis_subscriber_pause(world.subscriber);
}

static void on_signal(void *context, size_t index, struct bytes payload)
{
	struct told *told = context;
	size_t size = strlen(told->signals);

	snprintf(told->signals + size, sizeof told->signals - size, "%zu=%.*s ", index, (int)payload.size,
		 (const char *)payload.data);
}

static void on_up(void *context, const struct subscription_gap *window)
{
	struct told *told = context;

	told->ups++;
	told->window = *window;
	snprintf(told->cause, sizeof told->cause, "%s", window->cause);
}

static void on_down(void *context, int64_t since, const char *cause)
{
	struct told *told = context;

	told->downs++;
	told->down_since = since;
	snprintf(told->down_cause, sizeof told->down_cause, "%s", cause);
}

/* ---- setting up ---- */

void world_setup(void)
{
	memset(&world, 0, sizeof world);
	signal(SIGPIPE, SIG_IGN);
	world.base = event_base_new();
	world.arena = arena_new(4096);
	server_init(&world.server);
}

void world_teardown(void)
{
	redis_subscriber_free(&world.subscriber);
	redis_publisher_free(&world.publisher);
	if (world.control)
		redisFree(world.control);
	event_base_free(world.base);
	arena_free(&world.arena);
	server_release(&world.server);
}

void start_server(const char *const *options, size_t count)
{
	server_start(&world.server, options, count);
	world.control = server_control(&world.server);
}

void use_url(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(world.url, sizeof world.url, format, arguments);
	va_end(arguments);
	world.settings = (struct redis_settings){.base = world.base,
						 .url = {.read = url_read_text, .context = world.url},
						 .random = &random_port,
						 .logger = &logger,
						 .silence_max_ms = world.silence_max_ms};
}

void subscribe(void)
{
	subscribe_with_signals(NULL, 0);
}

void subscribe_with_signals(const char *const *signals, size_t count)
{
	static const struct redis_listener listener = {on_message, on_signal, on_up, on_down};
	struct redis_subscriber_config config = {"allocd-test", "p:",    command_types,
						 COMMAND_TYPES, signals, count};

	world.subscriber = redis_subscriber_new(&world.settings, &config, &listener, &world.told);
}

void start_publisher(const char *event_stream)
{
	struct redis_publisher_config config = {
		.name = "allocd-test", .prefix = "p:", .event_stream = event_stream};

	world.publisher = redis_publisher_new(&world.settings, &config);
}

bool subscriber_is_up(void)
{
	return redis_subscriber_is_up(world.subscriber);
}

bool publisher_is_up(void)
{
	return redis_publisher_is_up(world.publisher);
}

/* ---- running ---- */

int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t calendar_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Defined if the address sanitizer is linked, which has an allocator of its own. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : info.uordblks + info.hblkhd;
}

void run_once(void)
{
	size_t memory;

	event_base_loopexit(world.base, &(struct timeval){0, 10000});
	event_base_loop(world.base, EVLOOP_ONCE);
	memory = allocated();
	if (memory > world.most_memory)
		world.most_memory = memory;
}

void run_for(int64_t duration_ms)
{
	int64_t end = milliseconds() + duration_ms;

	while (milliseconds() < end)
		run_once();
}

long long command(const char *format, ...)
{
	redisReply *reply;
	long long number;
	va_list arguments;

	va_start(arguments, format);
	reply = redisvCommand(world.control, format, arguments);
	va_end(arguments);
	ck_assert_msg(reply && reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
		      reply ? reply->str : "no answer");
	number = reply->integer;
	freeReplyObject(reply);
	return number;
}

/* ---- calls of the broker ---- */

void publish_events(struct redis_publisher *publisher, const struct outgoing *events, size_t count,
		    publish_done *done, void *context)
{
	struct broker *broker = redis_publisher_broker(publisher);
	struct outgoing_row *row = arena_alloc(world.arena, sizeof *row);
	struct publication *publication = arena_alloc(world.arena, sizeof *publication);

	*row = (struct outgoing_row){world.rows + 1, events, count};
	*publication = (struct publication){
		.incarnation = "events", .known = world.rows, .rows = row, .row_count = 1};
	world.rows++;
	broker->ops->publish(broker, publication, done, context);
}
