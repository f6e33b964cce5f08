/*
 * The least that a durable worker can do: it reads what waits on a stream, inserts one row a message into one
 * table with one index in one transaction, publishes one event a message, and acknowledges.  A worker that
 * does more cannot cost less.
 *
 *     DATABASE_URL=… floor REDIS-HOST REDIS-PORT STREAM CHANNEL
 *
 * The order is the promise: a message is published after its commit, and acknowledged after it was published.
 * An error ends the program at once, with the messages of that read left pending.
 *
 * Prints "ready" when it reads.  After SIGTERM it prints one JSON object, and ends within a second.  Not
 * installed: `./dev bench --compare` measures it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define READ_MAX 1000 /* as many as allocd's largest unit of work */
#define TEXT_OID 25   /* pg_type.dat */

#define CREATE "create table floor (entry text collate \"C\" primary key, message text not null)"
#define INSERT "insert into floor select unnest($1::text[]), unnest($2::text[])"

struct floor {
	PGconn *postgres;
	redisContext *redis;
	const char *stream, *channel;
	long long messages, reads;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

/* ---- Redis ---- */

static redisReply *next_reply(struct floor *floor)
{
	void *reply;

	if (redisGetReply(floor->redis, &reply) != REDIS_OK)
		errx(1, "Redis: %s", floor->redis->errstr);
	if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
		errx(1, "Redis: %s", ((redisReply *)reply)->str);
	return reply;
}

static void request_entries(struct floor *floor)
{
	redisAppendCommand(floor->redis, "XREADGROUP GROUP floor floor COUNT %d BLOCK 1000 STREAMS %s >",
			   READ_MAX, floor->stream);
}

static const redisReply *entry_id(const redisReply *entry)
{
	return entry->element[0];
}

/* The fields of an entry are `type` and `data`, as allocd-bench sends them. */
static const redisReply *entry_data(const redisReply *entry)
{
	return entry->element[1]->element[3];
}

static void publish(struct floor *floor, const redisReply *data)
{
	/* The message, with a version in front of its first field. */
	redisAppendCommand(floor->redis, "PUBLISH %s {\"version\":%lld,%b", floor->channel, ++floor->messages,
			   data->str + 1, data->len - 1);
}

/* One write: Redis executes it in order, and the entries that wait meanwhile are the next reply. */
static void publish_acknowledge_and_read_on(struct floor *floor, const redisReply *entries)
{
	const char *acknowledge[3 + READ_MAX] = {"XACK", floor->stream, "floor"};

	for (size_t i = 0; i < entries->elements; i++) {
		publish(floor, entry_data(entries->element[i]));
		acknowledge[3 + i] = entry_id(entries->element[i])->str;
	}
	redisAppendCommandArgv(floor->redis, (int)(3 + entries->elements), acknowledge, NULL);
	request_entries(floor);
	for (size_t replies = entries->elements + 1; replies > 0; replies--)
		freeReplyObject(next_reply(floor));
}

/* ---- Postgres ---- */

static void check(struct floor *floor, PGresult *result)
{
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		errx(1, "Postgres: %s", PQerrorMessage(floor->postgres));
	PQclear(result);
}

static void put_number(FILE *out, uint32_t number)
{
	number = htonl(number);
	fwrite(&number, sizeof number, 1, out);
}

/* A text[] in Postgres' binary form (array_recv()), allocated. */
struct text_array {
	char *bytes;
	size_t size;
};

static struct text_array array_of(const redisReply *entries,
				  const redisReply *(*text_of)(const redisReply *entry))
{
	const uint32_t dimensions = 1, has_nulls = 0, lower_bound = 1;
	const uint32_t head[] = {dimensions, has_nulls, TEXT_OID, (uint32_t)entries->elements, lower_bound};
	struct text_array array;
	FILE *out = open_memstream(&array.bytes, &array.size);

	if (!out)
		err(1, "open_memstream");
	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
		put_number(out, head[i]);
	for (size_t i = 0; i < entries->elements; i++) {
		const redisReply *text = text_of(entries->element[i]);

		put_number(out, (uint32_t)text->len);
		fwrite(text->str, 1, text->len, out);
	}
	if (fclose(out))
		err(1, "open_memstream");
	return array;
}

/* A statement outside of a transaction block is one transaction: its answer says that it was committed. */
static void commit(struct floor *floor, const redisReply *entries)
{
	struct text_array ids = array_of(entries, entry_id), messages = array_of(entries, entry_data);
	const char *const values[] = {ids.bytes, messages.bytes};
	const int sizes[] = {(int)ids.size, (int)messages.size}, formats[] = {1, 1};

	check(floor, PQexecPrepared(floor->postgres, "insert", 2, values, sizes, formats, 0));
	free(ids.bytes);
	free(messages.bytes);
}

/* ---- the whole ---- */

static void connect_both(struct floor *floor, const char *host, const char *port)
{
	floor->postgres = PQconnectdb(getenv("DATABASE_URL"));
	if (PQstatus(floor->postgres) != CONNECTION_OK)
		errx(1, "Postgres: %s", PQerrorMessage(floor->postgres));
	check(floor, PQexec(floor->postgres, CREATE));
	check(floor, PQprepare(floor->postgres, "insert", INSERT, 0, NULL));
	floor->redis = redisConnect(host, atoi(port));
	if (!floor->redis || floor->redis->err)
		errx(1, "Redis: cannot connect to %s, port %s", host, port);
	redisAppendCommand(floor->redis, "XGROUP CREATE %s floor $ MKSTREAM", floor->stream);
	freeReplyObject(next_reply(floor));
}

/* Handles one reply of XREADGROUP, which is nil when nothing came for a second. */
static void handle(struct floor *floor, redisReply *read)
{
	if (read->type == REDIS_REPLY_NIL) {
		request_entries(floor);
	} else {
		const redisReply *entries = read->element[0]->element[1];

		floor->reads++;
		commit(floor, entries);
		publish_acknowledge_and_read_on(floor, entries);
	}
	freeReplyObject(read);
}

static long long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static long long cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

int main(int argc, char *argv[])
{
	struct floor floor = {0};
	long long begun_us;

	if (argc != 5 || !getenv("DATABASE_URL"))
		errx(2, "expected DATABASE_URL, and REDIS-HOST REDIS-PORT STREAM CHANNEL");
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	floor.stream = argv[3];
	floor.channel = argv[4];
	connect_both(&floor, argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	begun_us = cpu_us();
	request_entries(&floor);
	while (!ended)
		handle(&floor, next_reply(&floor));
	printf("{\"messages\": %lld, \"reads\": %lld, \"cpu_us\": %lld}\n", floor.messages, floor.reads,
	       cpu_us() - begun_us);
	redisFree(floor.redis);
	PQfinish(floor.postgres);
	return 0;
}
