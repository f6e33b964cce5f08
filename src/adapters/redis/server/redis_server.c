/* The list of connections, which of them are to end, and the trouble that was logged. */
#include "adapters/redis/server/redis_server.h"

#include "adapters/redis/connection/redis_connection.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/event.h>
#include <string.h>

/* The most causes of one trouble that are logged. */
#define CAUSES_MAX 8

/* A cause is logged again after this long, because bus/base/log_limiter.h may have dropped the line. */
#define SAME_CAUSE_MS 10000

#define PATIENCE_GROWTH 8

struct cause {
	char text[REDIS_TROUBLE_MAX];
	int64_t logged_ms;
};

struct redis_server {
	struct logger *logger;
	struct event *ending; /* ends the members that are to end, from the event loop */
	struct server_member *members;
	char cause[REDIS_TROUBLE_MAX]; /* why they are to end */

	int64_t first_patience_ms;
	int64_t refused_since_ms, refused_last_ms, patience_ms; /* of temporary errors; 0: never */
	int64_t checked_ms;                                     /* when a member last asked the sentinels */
	int64_t differed_ms; /* when members were last at different servers; 0: never */

	struct cause causes[CAUSES_MAX]; /* of the present trouble, as logged */
	size_t cause_count;
	int64_t trouble_ms; /* when it began */
	bool is_balanced;   /* it was logged that there are several servers */

	char *origin; /* of the URL that led to these nodes; NULL: none are known */
	struct cluster_nodes nodes;

	char address[REDIS_ADDRESS_MAX];
	char defect[REDIS_TROUBLE_MAX];
};

/* ---- ending the others ---- */

static struct server_member *first_to_end(const struct redis_server *server)
{
	struct server_member *member = server->members;

	while (member && !member->is_to_end)
		member = member->next;
	return member;
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
	struct redis_server *server = context;
	struct server_member *member;

	(void)fd;
	(void)what;
	while ((member = first_to_end(server))) {
		member->is_to_end = false;
		if (member->is_up)
			member->end(member->context, server->cause);
	}
}

/* Ends all members that are up, except one. */
static void end_others(struct redis_server *server, const struct server_member *but, const char *cause)
{
	static const struct timeval at_once = {0, 0};

	utf8_format(server->cause, sizeof server->cause, "%s", cause);
	for (struct server_member *member = server->members; member; member = member->next)
		member->is_to_end = member != but && member->is_up;
	evtimer_add(server->ending, &at_once);
}

/* The server can be reached again: connections that wait for their next attempt make it now. */
static void retry_others(const struct redis_server *server, const struct server_member *but)
{
	for (const struct server_member *member = server->members; member; member = member->next) {
		if (member != but && !member->is_up)
			member->retry(member->context);
	}
}

/* ---- answers ---- */

/* Returns whether temporary errors have lasted for too long. */
static bool lasts_too_long(struct redis_server *server, int64_t now_ms)
{
	bool continues = server->refused_last_ms && now_ms - server->refused_last_ms <= SERVER_TROUBLE_GAP_MS;

	server->refused_last_ms = now_ms;
	if (!continues) {
		server->refused_since_ms = now_ms;
		server->patience_ms = server->first_patience_ms;
	}
	if (now_ms - server->refused_since_ms < server->patience_ms)
		return false;
	server->refused_since_ms = now_ms;
	if (server->patience_ms < PATIENCE_GROWTH * server->first_patience_ms)
		server->patience_ms *= 2;
	return true;
}

bool redis_server_refused(struct redis_server *server, struct server_member *member,
			  enum redis_error_kind kind, const char *cause, int64_t now_ms)
{
	switch (kind) {
	case REDIS_ERROR_WRONG_SERVER:
		end_others(server, member, cause);
		return true;
	case REDIS_ERROR_NOT_NOW:
		if (!lasts_too_long(server, now_ms))
			return false;
		/* Without a run id, compare() could not detect that the server changed. */
		if (!*member->run_id)
			end_others(server, member, cause);
		return true;
	case REDIS_ERROR_LOGIN:
		return true;
	case REDIS_ERROR_OF_COMMAND:
	case REDIS_ERROR_RIGHTS:
	case REDIS_ERROR_SLOTS:
		break;
	}
	return false;
}

/* ---- servers ---- */

static bool is_elsewhere(const struct server_member *member, const struct server_member *other)
{
	return other != member && other->is_up && *other->run_id && *member->run_id &&
	       strcmp(other->run_id, member->run_id) != 0;
}

static bool some_are_elsewhere(const struct redis_server *server, const struct server_member *member)
{
	for (const struct server_member *other = server->members; other; other = other->next) {
		if (is_elsewhere(member, other))
			return true;
	}
	return false;
}

/* Behind a balancer that sends each connection elsewhere they must keep working: that is logged once. */
static void compare(struct redis_server *server, const struct server_member *member, int64_t now_ms)
{
	bool again = server->differed_ms && now_ms - server->differed_ms < SERVER_DIFFERS_MS;

	if (!some_are_elsewhere(server, member))
		return;
	if (!again) {
		server->differed_ms = now_ms;
		end_others(server, member, "another connection reached another Redis by the same URL");
	} else if (!server->is_balanced && !first_to_end(server)) {
		server->is_balanced = true;
		LOG(server->logger, LOG_WARN, "REDIS_URL leads to several Redis servers",
		    LOG_TEXT(
			    "advice",
			    "name one server: publishers and subscribers must be connected to the same one"));
	}
}

bool redis_server_is_check_due(struct redis_server *server, int64_t now_ms)
{
	if (now_ms - server->checked_ms < SERVER_CHECK_MS)
		return false;
	server->checked_ms = now_ms;
	return true;
}

/* ---- the log ---- */

static bool all_are_up(const struct redis_server *server)
{
	const struct server_member *member = server->members;

	while (member && member->is_up && !member->is_to_end)
		member = member->next;
	return !member;
}

static bool is_alone(const struct redis_server *server)
{
	return server->members && !server->members->next;
}

static void end_trouble(struct redis_server *server, const char *address)
{
	if (!is_alone(server) && server->cause_count)
		LOG(server->logger, LOG_INFO, "every connection to Redis is up again", LOG_OVER(LOG_REDIS),
		    LOG_TEXT("redis", address), LOG_NUMBER("ms", monotonic_ms() - server->trouble_ms));
	server->cause_count = 0;
}

void redis_server_reached(struct redis_server *server, struct server_member *member, const char *address,
			  const char *version)
{
	enum log_level level = server->cause_count && !is_alone(server) ? LOG_DEBUG : LOG_INFO;

	member->is_up = true;
	utf8_format(server->address, sizeof server->address, "%s", address);
	LOG(server->logger, level, "connected to Redis", LOG_TEXT("redis", address),
	    LOG_TEXT("connection", member->name), LOG_TEXT("version", version));
	compare(server, member, monotonic_ms());
	retry_others(server, member);
	if (all_are_up(server))
		end_trouble(server, address);
}

/* Whether the cause was logged recently, or CAUSES_MAX others were; if not, notes that it is logged now. */
static bool is_logged(struct redis_server *server, const char *text)
{
	int64_t now = monotonic_ms();
	struct cause *cause = server->causes, *end = cause + server->cause_count;
	bool is_new;

	while (cause < end && strcmp(cause->text, text))
		cause++;
	is_new = cause == end;
	if (is_new ? server->cause_count == CAUSES_MAX : now - cause->logged_ms < SAME_CAUSE_MS)
		return true;
	server->cause_count += is_new;
	utf8_format(cause->text, sizeof cause->text, "%s", text);
	cause->logged_ms = now;
	return false;
}

void redis_server_missed(struct redis_server *server, struct server_member *member, const char *message,
			 const char *address, const char *cause)
{
	member->is_up = member->is_to_end = false;
	utf8_format(server->address, sizeof server->address, "%s", address);
	if (!server->cause_count)
		server->trouble_ms = monotonic_ms();
	if (is_logged(server, cause))
		return;
	LOG(server->logger, LOG_WARN, message, LOG_TROUBLE(LOG_REDIS), LOG_TEXT("redis", address),
	    LOG_TEXT("connection", member->name), LOG_TEXT("error", cause));
}

const char *redis_server_address(const struct redis_server *server)
{
	return server->address;
}

/* ---- the cluster ---- */

void redis_server_set_nodes(struct redis_server *server, const char *origin,
			    const struct cluster_nodes *nodes)
{
	free(server->origin);
	server->origin = must(strdup(origin));
	server->nodes = *nodes;
}

const struct cluster_nodes *redis_server_nodes(const struct redis_server *server, const char *origin)
{
	static const struct cluster_nodes none;

	return server->origin && !strcmp(server->origin, origin) ? &server->nodes : &none;
}

/* ---- the configuration ---- */

void redis_server_set_defect(struct redis_server *server, const char *text)
{
	utf8_format(server->defect, sizeof server->defect, "%s", text);
}

const char *redis_server_defect(const struct redis_server *server)
{
	return *server->defect ? server->defect : NULL;
}

/* ---- the whole ---- */

struct redis_server *redis_server_new(struct event_base *base, struct logger *logger, int64_t patience_ms)
{
	struct redis_server *server = must_alloc(sizeof *server);

	server->logger = logger;
	server->first_patience_ms = patience_ms;
	utf8_format(server->address, sizeof server->address, "REDIS_URL");
	server->ending = must(evtimer_new(base, on_ending, server));
	return server;
}

void redis_server_free(struct redis_server **server)
{
	if (!*server)
		return;
	event_free((*server)->ending);
	free((*server)->origin);
	free(*server);
	*server = NULL;
}

void redis_server_join(struct redis_server *server, struct server_member *member)
{
	member->next = server->members;
	server->members = member;
}

void redis_server_leave(struct redis_server *server, struct server_member *member)
{
	struct server_member **address = &server->members;

	while (*address != member)
		address = &(*address)->next;
	*address = member->next;
}
