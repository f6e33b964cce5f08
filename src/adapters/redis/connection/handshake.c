/* Sends AUTH, CLIENT SETNAME, INFO server, CLUSTER NODES and HGET for a cluster, INFO replication, SELECT. */
#include "adapters/redis/connection/handshake.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first version whose streams and ACLs meet the contract. */
#define OLDEST_MAJOR 6
#define OLDEST_MINOR 2

/* ---- asking ---- */

static void ask(struct handshake *handshake, enum handshake_step step, struct evbuffer *out,
		const struct bytes *arguments, size_t count)
{
	handshake->steps[handshake->count++] = step;
	resp_append_command(out, arguments, count);
}

static void ask_auth(struct handshake *handshake, const struct redis_url *url, struct evbuffer *out)
{
	struct bytes with_user[] = {bytes_of("AUTH"), bytes_of(url->user), bytes_of(url->password)};
	struct bytes without[] = {bytes_of("AUTH"), bytes_of(url->password)};

	if (url->user)
		ask(handshake, HANDSHAKE_AUTH, out, with_user, 3);
	else if (url->password)
		ask(handshake, HANDSHAKE_AUTH, out, without, 2);
}

static void ask_database(struct handshake *handshake, int number, struct evbuffer *out)
{
	char database[16];

	snprintf(database, sizeof database, "%d", number);
	ask(handshake, HANDSHAKE_DATABASE, out, (struct bytes[]){bytes_of("SELECT"), bytes_of(database)}, 2);
}

/* Redis hashes only the text between the first { and the next }, unless it is empty. */
static bool has_hash_tag(const char *prefix)
{
	const char *open = strchr(prefix, '{'), *close = open ? strchr(open, '}') : NULL;

	return close && close > open + 1;
}

/* A node that does not hold the slot answers MOVED.  The key need not exist, nor need there be a cluster. */
static void ask_slot(struct handshake *handshake, struct evbuffer *out)
{
	char *key = must_printf("%sallocd:fence:slot", handshake->demands.prefix);

	ask(handshake, HANDSHAKE_NODES, out, (struct bytes[]){bytes_of("CLUSTER"), bytes_of("NODES")}, 2);
	ask(handshake, HANDSHAKE_SLOT, out,
	    (struct bytes[]){bytes_of("HGET"), bytes_of(key), bytes_of("slot")}, 3);
	free(key);
}

void handshake_ask_role(struct evbuffer *out)
{
	resp_append_command(out, (struct bytes[]){bytes_of("INFO"), bytes_of("replication")}, 2);
}

void handshake_begin(struct handshake *handshake, const struct redis_url *url, const char *name,
		     const struct handshake_demands *demands, struct evbuffer *out)
{
	struct bytes set_name[] = {bytes_of("CLIENT"), bytes_of("SETNAME"), bytes_of(name)};
	struct bytes info[] = {bytes_of("INFO"), bytes_of("server")};

	*handshake = (struct handshake){.demands = *demands};
	ask_auth(handshake, url, out);
	ask(handshake, HANDSHAKE_NAME, out, set_name, 3);
	ask(handshake, HANDSHAKE_VERSION, out, info, 2);
	if (demands->prefix && has_hash_tag(demands->prefix))
		ask_slot(handshake, out);
	if (!demands->replica_will_do) {
		handshake->steps[handshake->count++] = HANDSHAKE_ROLE;
		handshake_ask_role(out);
	}
	if (url->database)
		ask_database(handshake, url->database, out);
}

/* ---- the answers: each returns whether the server is still usable ---- */

static bool is_ok(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_STATUS && !strcmp(reply->str, "OK");
}

static bool refuse(const struct redisReply *reply, const char *what, char *error, size_t size)
{
	char words[256];

	redis_error_describe(reply, words, sizeof words);
	utf8_format(error, size, "%s: %s", what, words);
	return false;
}

/* A server that does not know AUTH repeats the password in its error: only known errors are passed on. */
static bool check_auth(const struct redisReply *reply, char *error, size_t size)
{
	if (is_ok(reply))
		return true;
	if (redis_error_is(reply, "WRONGPASS") || redis_error_is(reply, "NOPERM") ||
	    redis_error_is(reply, "DENIED"))
		return refuse(reply, "AUTH", error, size);
	utf8_format(
		error, size,
		"AUTH was refused: check user and password in REDIS_URL, and whether this Redis uses passwords");
	return false;
}

/* Whether the user may not use the command, or it was renamed; the worker can do without it. */
static bool is_closed_to_us(const struct redisReply *reply)
{
	return redis_error_is(reply, "NOPERM") ||
	       (redis_error_is(reply, "ERR") && !strncmp(reply->str, "ERR unknown", strlen("ERR unknown")));
}

/* Copies the value of a field of INFO; false when there is no such field. */
static bool find_field(const struct redisReply *info, const char *name, char *value, size_t size)
{
	const char *line = info->type == REDIS_REPLY_STRING ? strstr(info->str, name) : NULL;
	size_t length;

	if (!line)
		return false;
	line += strlen(name);
	length = strcspn(line, "\r\n");
	utf8_format(value, size, "%.*s", length < size ? (int)length : (int)size - 1, line);
	return true;
}

/* A Sentinel has no keys; in a cluster all of ours must lie in one slot. */
static bool check_mode(struct handshake *handshake, const struct redisReply *reply, char *error, size_t size)
{
	const char *prefix = handshake->demands.prefix;
	char mode[16] = "";

	if (!find_field(reply, "redis_mode:", mode, sizeof mode) &&
	    !find_field(reply, "server_mode:", mode, sizeof mode)) /* as Valkey names it */
		return true;
	if (!strcmp(mode, "sentinel")) {
		utf8_format(
			error, size,
			"this is a Redis Sentinel: REDIS_URL must begin with redis+sentinel://, or name the "
			"Redis server that it watches");
		return false;
	}
	if (strcmp(mode, "cluster") != 0 || !prefix || has_hash_tag(prefix))
		return true;
	handshake->is_defect = true;
	utf8_format(
		error, size,
		"Redis runs as a cluster: set ALLOCD_PREFIX to one with a hash tag, such as {allocd}:, so "
		"that all keys lie in one slot");
	return false;
}

static bool check_version(struct handshake *handshake, const struct redisReply *reply, char *error,
			  size_t size)
{
	const char *line;
	int major, minor;

	if (is_closed_to_us(reply))
		return true;
	if (reply->type != REDIS_REPLY_STRING)
		return refuse(reply, "INFO", error, size);
	line = strstr(reply->str, "redis_version:");
	if (!line || sscanf(line, "redis_version:%31[0-9.]", handshake->version) != 1 ||
	    sscanf(handshake->version, "%9d.%9d", &major, &minor) != 2) {
		utf8_format(error, size, "INFO names no version of Redis: is this a Redis server?");
		return false;
	}
	find_field(reply, "run_id:", handshake->run_id, sizeof handshake->run_id);
	if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
		return check_mode(handshake, reply, error, size);
	utf8_format(error, size, "Redis %s is too old: %d.%d or newer is needed", handshake->version,
		    OLDEST_MAJOR, OLDEST_MINOR);
	return false;
}

const char handshake_replica_error[] =
	"this is a replica of another Redis: REDIS_URL must lead to the master";

bool handshake_is_replica(const struct redisReply *reply)
{
	char role[16] = "";

	return find_field(reply, "role:", role, sizeof role) && !strcmp(role, "slave");
}

static bool check_role(const struct redisReply *reply, char *error, size_t size)
{
	if (handshake_is_replica(reply)) {
		utf8_format(error, size, "%s", handshake_replica_error);
		return false;
	}
	return reply->type == REDIS_REPLY_STRING || is_closed_to_us(reply) ||
	       refuse(reply, "INFO", error, size);
}

/* Errors other than these concern the key; the calls that use it report them. */
static bool check_slot(struct handshake *handshake, const struct redisReply *reply, char *error, size_t size)
{
	handshake->is_moved = cluster_read_moved(reply, &handshake->moved_to);
	return (!redis_error_is(reply, "MOVED") && !redis_error_is(reply, "CLUSTERDOWN")) ||
	       refuse(reply, "HGET", error, size);
}

bool handshake_receive(struct handshake *handshake, const struct redisReply *reply, char *error, size_t size)
{
	switch (handshake->steps[handshake->answered++]) {
	case HANDSHAKE_AUTH:
		return check_auth(reply, error, size);
	case HANDSHAKE_NAME:
		return is_ok(reply) || is_closed_to_us(reply) || refuse(reply, "CLIENT SETNAME", error, size);
	case HANDSHAKE_VERSION:
		return check_version(handshake, reply, error, size);
	case HANDSHAKE_ROLE:
		return check_role(reply, error, size);
	case HANDSHAKE_NODES:
		cluster_read_nodes(reply, &handshake->nodes);
		return true;
	case HANDSHAKE_SLOT:
		return check_slot(handshake, reply, error, size);
	case HANDSHAKE_DATABASE:
	case HANDSHAKE_STEPS:
		break;
	}
	return is_ok(reply) || refuse(reply, "SELECT of the database in REDIS_URL", error, size);
}
