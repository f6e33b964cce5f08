/* Functions of the program take precedence over libpq's, which dlsym() finds next. */
#include "sent.h"

#include "adapters/postgres/sql/statements.h"
#include "worker.h"

#include <dlfcn.h>
#include <libpq-fe.h>
#include <string.h>

#define STATEMENTS_MAX 64

static struct sent_statement sent[STATEMENTS_MAX];
static size_t statement_count;
static int round_trips;

void sent_forget(void)
{
	statement_count = 0;
	round_trips = 0;
}

const struct sent_statement *sent_statements(size_t *count)
{
	*count = statement_count;
	return sent;
}

int sent_round_trips(void)
{
	return round_trips;
}

static void note(const char *name)
{
	size_t i = 0;

	while (i < statement_count && strcmp(sent[i].name, name) != 0)
		i++;
	if (i == STATEMENTS_MAX)
		give_up("more than %d different statements", STATEMENTS_MAX);
	if (i == statement_count)
		sent[statement_count++] = (struct sent_statement){name, 0};
	sent[i].times++;
}

/* A statement that is sent without a name, as behind a pooler, is recognized by its text. */
static const char *name_of(const char *sql)
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (!strcmp(statements[i].sql, sql))
			return statements[i].name;
	}
	return "(not prepared)";
}

/* Sets `function`, a pointer of the right type, to libpq's function. */
static void find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		give_up("libpq has no %s", name);
	memcpy(function, &found, sizeof found);
}

int PQsendQueryPrepared(PGconn *conn, const char *stmtName, int nParams, const char *const *paramValues,
			const int *paramLengths, const int *paramFormats, int resultFormat)
{
	__typeof__(&PQsendQueryPrepared) send;

	find("PQsendQueryPrepared", &send);
	note(stmtName);
	return send(conn, stmtName, nParams, paramValues, paramLengths, paramFormats, resultFormat);
}

int PQsendQueryParams(PGconn *conn, const char *command, int nParams, const Oid *paramTypes,
		      const char *const *paramValues, const int *paramLengths, const int *paramFormats,
		      int resultFormat)
{
	__typeof__(&PQsendQueryParams) send;

	find("PQsendQueryParams", &send);
	note(name_of(command));
	return send(conn, command, nParams, paramTypes, paramValues, paramLengths, paramFormats,
		    resultFormat);
}

int PQpipelineSync(PGconn *conn)
{
	__typeof__(&PQpipelineSync) sync;

	find("PQpipelineSync", &sync);
	round_trips++;
	return sync(conn);
}
