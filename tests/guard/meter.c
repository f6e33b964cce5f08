/* Reads the statistics of both servers. */
#include "meter.h"

#include "core/base/must.h"
#include "sent.h"
#include "worker.h"

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The bytes of our own INFO, and of the answer to the RESET before it, are subtracted. */
#define INFO_SENT      "*2\r\n$4\r\nINFO\r\n$3\r\nall\r\n"
#define RESET_ANSWERED "+OK\r\n"

#define LSN_SIZE 32

struct meter {
	PGconn *pg;
	const char *database;
	redisContext *redis;
	char from[LSN_SIZE]; /* the WAL position at the beginning */
};

/* ---- Postgres ---- */

__attribute__((format(printf, 2, 3))) static PGresult *ask(struct meter *meter, const char *format, ...)
{
	char sql[1024];
	va_list args;
	PGresult *result;

	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	result = PQexec(meter->pg, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		give_up("%s: %s", sql, PQerrorMessage(meter->pg));
	return result;
}

static void ask_where_wal_is(struct meter *meter, char lsn[LSN_SIZE])
{
	PGresult *result = ask(meter, "select pg_current_wal_insert_lsn()");

	snprintf(lsn, LSN_SIZE, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}

/* The WAL is read from disk, so a commit of our own first flushes the last records. */
static void print_wal(struct meter *meter, const char *name)
{
	char to[LSN_SIZE];
	PGresult *result;

	ask_where_wal_is(meter, to);
	PQclear(ask(meter, "select pg_logical_emit_message(true, '', '')"));
	result = ask(meter,
		     "select sum(count), sum(record_size) from pg_get_wal_stats('%s', '%s')"
		     " where \"resource_manager/record_type\" not in ('XLOG', 'Standby')",
		     meter->from, to);
	printf("%s\twal_records\t%s\n", name, PQgetvalue(result, 0, 0));
	printf("%s\twal_bytes\t%s\n", name, PQgetvalue(result, 0, 1));
	PQclear(result);
}

static void print_buffers(struct meter *meter, const char *name)
{
	PGresult *result = ask(meter,
			       "select sum(shared_blks_hit + shared_blks_read)"
			       " from pg_stat_statements s join pg_database d on d.oid = s.dbid"
			       " where d.datname = '%s'",
			       meter->database);

	printf("%s\tbuffers\t%s\n", name, PQgetvalue(result, 0, 0));
	PQclear(result);
}

static void print_sent(const char *name)
{
	size_t count;
	const struct sent_statement *statements = sent_statements(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\tstatement %s\t%d\n", name, statements[i].name, statements[i].times);
	printf("%s\tround_trips\t%d\n", name, sent_round_trips());
}

/* ---- Redis ---- */

static redisReply *tell(struct meter *meter, const char *format, ...)
{
	va_list args;
	redisReply *reply;

	va_start(args, format);
	reply = redisvCommand(meter->redis, format, args);
	va_end(args);
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		give_up("Redis: %s", reply ? reply->str : meter->redis->errstr);
	return reply;
}

static long long number_after(const char *info, const char *label)
{
	const char *at = strstr(info, label);

	if (!at)
		give_up("Redis does not tell its %s", label);
	return strtoll(at + strlen(label), NULL, 10);
}

/* Commands of the meter, and those that idle connections send. */
static bool is_work(const char *command)
{
	return strcmp(command, "info") != 0 && strcmp(command, "config|resetstat") != 0 &&
	       strcmp(command, "ping") != 0;
}

static void print_commands(const char *info, const char *name)
{
	static const char label[] = "\ncmdstat_";
	char command[64];
	long long calls;

	for (const char *at = info; (at = strstr(at, label)); at += strlen(label)) {
		if (sscanf(at, "\ncmdstat_%63[^:]:calls=%lld", command, &calls) == 2 && is_work(command))
			printf("%s\tredis %s\t%lld\n", name, command, calls);
	}
}

static void print_redis(struct meter *meter, const char *name)
{
	redisReply *reply = tell(meter, "INFO all");

	print_commands(reply->str, name);
	printf("%s\tredis_bytes_in\t%lld\n", name,
	       number_after(reply->str, "total_net_input_bytes:") - (long long)strlen(INFO_SENT));
	printf("%s\tredis_bytes_out\t%lld\n", name,
	       number_after(reply->str, "total_net_output_bytes:") - (long long)strlen(RESET_ANSWERED));
	freeReplyObject(reply);
}

void meter_add_entry(struct meter *meter, const char *stream, int number, const char *type, struct bytes data)
{
	freeReplyObject(tell(meter, "XADD %s 1700000000000-%d type %s data %b", stream, number, type,
			     data.data, data.size));
}

/* ---- both ---- */

struct meter *meter_new(const char *control, const char *database, const char *redis_host, int redis_port)
{
	struct meter *meter = must_alloc(sizeof *meter);

	meter->database = database;
	meter->pg = PQconnectdb(control);
	if (PQstatus(meter->pg) != CONNECTION_OK)
		give_up("%s", PQerrorMessage(meter->pg));
	PQclear(ask(meter, "set client_min_messages = warning;"
			   " create extension if not exists pg_stat_statements;"
			   " create extension if not exists pg_walinspect"));
	meter->redis = redisConnect(redis_host, redis_port);
	if (!meter->redis || meter->redis->err)
		give_up("Redis: %s", meter->redis ? meter->redis->errstr : "out of memory");
	return meter;
}

void meter_free(struct meter **meter)
{
	PQfinish((*meter)->pg);
	redisFree((*meter)->redis);
	free(*meter);
	*meter = NULL;
}

void meter_begin(struct meter *meter)
{
	PQclear(ask(meter, "select pg_stat_statements_reset()"));
	freeReplyObject(tell(meter, "CONFIG RESETSTAT"));
	ask_where_wal_is(meter, meter->from);
	sent_forget();
}

void meter_end(struct meter *meter, const char *name)
{
	print_sent(name);
	print_wal(meter, name);
	print_buffers(meter, name);
	print_redis(meter, name);
}
