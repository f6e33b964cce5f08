/* Tables of signs: parts of an error's text, and the trouble that each means. */
#include "entrypoints/troubles/cause.h"

#include "bus/engine/engine.h"

#include <string.h>

struct sign {
	const char *part; /* of the text */
	enum trouble_code code;
	const char *advice; /* NULL: that of the code */
};

/* The first row whose part is in the text applies; the last one always does. */
static const struct sign of_database[] = {
	{"URL_FILE: ", TROUBLE_DATABASE_UNREACHABLE, "write the URL to that file"},
	{"SQLSTATE 53100", TROUBLE_DATABASE_FULL, NULL},
	{"SQLSTATE 533", TROUBLE_DATABASE_TOO_MANY, NULL},
	{"too many clients", TROUBLE_DATABASE_TOO_MANY, NULL},
	{"connection slots are reserved", TROUBLE_DATABASE_TOO_MANY, NULL},
	{"too many connections for", TROUBLE_DATABASE_TOO_MANY, NULL},
	{"SQLSTATE 532", TROUBLE_STALLED, "give the database server more memory"},
	{"SQLSTATE 54000", TROUBLE_STALLED,
	 "look at the database server's log: a limit of the server is reached"},
	{"SQLSTATE 42501", TROUBLE_DATABASE_NOPERM, NULL},
	{"SQLSTATE 25006", TROUBLE_DATABASE_READONLY, NULL},
	{"the server takes no writes", TROUBLE_DATABASE_READONLY, NULL},
	{"SQLSTATE 42", TROUBLE_STALLED,
	 "the schema is not as allocd made it: run `allocd verify`, restore what was dropped"},
	{"SQLSTATE 55P03", TROUBLE_DATABASE_LOCKED, NULL},
	{"SQLSTATE 57014", TROUBLE_DATABASE_LOCKED, NULL},
	{"SQLSTATE 57P", TROUBLE_DATABASE_UNREACHABLE,
	 "start the database server, or wait until it has started"},
	{"SQLSTATE 08", TROUBLE_DATABASE_UNREACHABLE, NULL},
	{"SQLSTATE 40", TROUBLE_STALLED,
	 "look in pg_stat_activity for another program that writes the same rows"},
	{"SQLSTATE 28", TROUBLE_DATABASE_AUTH, NULL},
	{"password authentication failed", TROUBLE_DATABASE_AUTH, NULL},
	{"no pg_hba.conf entry", TROUBLE_DATABASE_AUTH, NULL},
	{"no password supplied", TROUBLE_DATABASE_AUTH, NULL},
	{"SQLSTATE 58", TROUBLE_STALLED, "look at the database server's log and its disk"},
	{ENGINE_UNCOMPARED, TROUBLE_STALLED,
	 "let Redis take events: the worker's other troubles, or its log, say why it does not"},
	{"SQLSTATE ", TROUBLE_STALLED, NULL},
	{"connect", TROUBLE_DATABASE_UNREACHABLE, NULL}, /* "connection refused", "could not connect", … */
	{"no answer", TROUBLE_DATABASE_UNREACHABLE, NULL},
	{"is starting up", TROUBLE_DATABASE_UNREACHABLE, NULL},
	{"is shutting down", TROUBLE_DATABASE_UNREACHABLE, NULL},
	{"", TROUBLE_STALLED, NULL},
};

static const struct sign of_redis[] = {
	{"NOAUTH", TROUBLE_REDIS_AUTH, NULL},
	{"WRONGPASS", TROUBLE_REDIS_AUTH, NULL},
	{"NOPERM", TROUBLE_REDIS_NOPERM, NULL},
	{"user executing the script can't", TROUBLE_REDIS_NOPERM, NULL},
	{"ACL failure in script", TROUBLE_REDIS_NOPERM, NULL}, /* since Redis 7.2 */
	{"LOADING", TROUBLE_REDIS_LOADING, NULL},
	{"READONLY", TROUBLE_REDIS_READONLY, NULL},
	{"MASTERDOWN", TROUBLE_REDIS_READONLY, NULL},
	{"NOREPLICAS", TROUBLE_REDIS_READONLY, "start the replicas of Redis, or lower min-replicas-to-write"},
	{"MISCONF", TROUBLE_REDIS_READONLY, "look at Redis' log and its disk: it cannot save its data set"},
	{"not a master", TROUBLE_REDIS_READONLY, NULL},
	{"FENCED", TROUBLE_DATABASE_RESTORED,
	 "stop this database server if another one has replaced it; else run `allocd outbox renew`"},
	{NULL, TROUBLE_CODES, NULL},
};

static const struct sign *find(const struct sign *sign, const char *text)
{
	while (sign->part && !strstr(text, sign->part))
		sign++;
	return sign;
}

struct cause cause_of_database(const char *text)
{
	const struct sign *sign;

	if (!*text)
		return (struct cause){TROUBLE_DATABASE_LOCKED, NULL};
	sign = find(of_database, text);
	return (struct cause){sign->code, sign->advice};
}

struct cause cause_of_redis(const char *text, enum trouble_code otherwise)
{
	const struct sign *sign = find(of_redis, text);

	return (struct cause){sign->part ? sign->code : otherwise, sign->advice};
}
