/* Advice about trouble with the database, chosen by the SQLSTATE or the wording in its text. */
#include "entrypoints/http/database_advice.h"

#include <string.h>

struct advice {
	const char *sign; /* a part of the trouble's text */
	const char *text;
};

/* The first row whose sign is in the trouble's text applies; the last one always does. */
static const struct advice of_database[] = {
	{"URL_FILE: ", "write the URL to that file"},
	{"SQLSTATE 53100", "free space on the database server's disk"},
	{"SQLSTATE 532", "give the database server more memory"},
	{"SQLSTATE 533", "raise max_connections, or end idle sessions"},
	{"SQLSTATE 54000", "look at the database server's log: a limit of the server is reached"},
	{"SQLSTATE 42501", "grant the worker's role its rights: see docs/operating.md"},
	{"SQLSTATE 25006", "let the database take writes, or let DATABASE_URL lead to the primary"},
	{"default_transaction_read_only",
	 "let the database take writes, or let DATABASE_URL lead to the primary"},
	{"SQLSTATE 42", "the schema is not as allocd made it: run `allocd verify`, restore what was dropped"},
	{"SQLSTATE 55P03", "look in pg_locks for the session that holds the lock, and end it"},
	{"SQLSTATE 57014", "look in pg_stat_activity and pg_locks for what makes statements slow"},
	{"SQLSTATE 57P", "start the database server, or wait until it has started"},
	{"SQLSTATE 40", "look in pg_stat_activity for another program that writes the same rows"},
	{"SQLSTATE 28", "correct the role or the password in DATABASE_URL"},
	{"SQLSTATE 58", "look at the database server's log and its disk"},
	{"", "look at the database server's log"},
};

const char *advice_for_database(const char *text)
{
	const struct advice *advice = of_database;

	while (!strstr(text, advice->sign))
		advice++;
	return advice->text;
}
