/* Checks whether Redis still answers, and whether it is the master by its role and by its sentinels. */
#include "adapters/redis/connection/connection_internal.h"
#include "adapters/redis/discovery/sentinel_query.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <string.h>

static void on_pong(void *context, const redisReply *reply)
{
	(void)context;
	(void)reply; /* any reply shows that Redis is alive */
}

static void ping(struct redis_connection *connection)
{
	struct evbuffer *commands = must(evbuffer_new());

	connection->pinged = true;
	resp_append_command(commands, (struct bytes[]){bytes_of("PING")}, 1);
	if (connection->listening)
		redis_connection_send(connection, commands);
	else
		redis_connection_request(connection, commands, 1, on_pong, NULL);
	evbuffer_free(commands);
}

/* ---- its role ---- */

static void on_role(void *context, const redisReply *reply)
{
	struct redis_connection *connection = context;

	if (!reply)
		return;
	connection->hides_role = reply->type != REDIS_REPLY_STRING;
	if (connection->state == CONNECTION_UP && handshake_is_replica(reply) &&
	    redis_server_refused(connection->settings.server, &connection->member, REDIS_ERROR_WRONG_SERVER,
				 handshake_replica_error, monotonic_ms()))
		redis_connection_lose(connection, handshake_replica_error);
}

void redis_connection_check_role(struct redis_connection *connection)
{
	struct evbuffer *commands;

	if (connection->state != CONNECTION_UP || connection->listening || connection->hides_role)
		return;
	commands = must(evbuffer_new());
	handshake_ask_role(commands);
	redis_connection_request(connection, commands, 1, on_role, connection);
	evbuffer_free(commands);
}

/* ---- its sentinels ---- */

static void on_sentinel_checked(void *context, const struct sentinel_answer *answer)
{
	static const char cause[] = "the sentinels name another master";
	struct redis_connection *connection = context;
	const struct redis_url *url = &connection->url;
	/* Another sentinel than the one that named this server may not know the present master yet. */
	bool is_another = answer->host && answer->sentinel == connection->sentinel &&
			  (answer->port != url->port || strcmp(answer->host, url->host) != 0);

	sentinel_query_cancel(&connection->sentinels);
	if (is_another && redis_server_refused(connection->settings.server, &connection->member,
					       REDIS_ERROR_WRONG_SERVER, cause, monotonic_ms()))
		redis_connection_end(connection, cause);
}

static void check_sentinels(struct redis_connection *connection)
{
	if (connection->url.master && !connection->sentinels &&
	    redis_server_is_check_due(connection->settings.server, monotonic_ms()))
		connection->sentinels =
			sentinel_query_start(connection->settings.base, &connection->url,
					     connection->sentinel, on_sentinel_checked, connection);
}

/* ---- its silence ---- */

/* How long Redis was silent: 0 while our input is full or has ended, and after the process slept. */
static int64_t measure_silence(struct redis_connection *connection)
{
	int64_t now = monotonic_ms();
	bool slept = now - connection->ticked_ms > 3 * redis_silence_tick_ms(&connection->settings);

	connection->ticked_ms = now;
	if (slept || *connection->ended ||
	    evbuffer_get_length(redis_connection_input(connection)) >= CONNECTION_INPUT_MAX)
		connection->received_ms = now;
	return now - connection->received_ms;
}

void redis_connection_tick(struct redis_connection *connection)
{
	const int tick_ms = redis_silence_tick_ms(&connection->settings);
	int64_t silence_ms = measure_silence(connection);

	redis_connection_set_timer(connection, tick_ms);
	check_sentinels(connection);
	if (silence_ms >= redis_silence_max_ms(&connection->settings))
		redis_connection_end(connection, "Redis does not answer");
	else if (silence_ms >= 3 * tick_ms && !connection->pinged)
		ping(connection);
}
