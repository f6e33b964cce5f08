/* Checks the rules of the database in tools.sql, and three more that concern the outbox's frames. */
#include "adapters/postgres/tools/verify.h"

#include "core/partition.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Rules that SQL cannot check; one pass over the outbox checks all of them. */
static const struct sql_rule partition_rule = {"outbox-partition",
					       "events are in the partition of their product", NULL};
static const struct sql_rule frame_rule = {
	"outbox-frame", "a row of the outbox holds the events of its product that it says", NULL};
static const struct sql_rule line_rule = {"outbox-line", "a line is where the last kept event about it says",
					  sql_find_outdated_lines};

const size_t verify_rule_count = SQL_RULES + 3;

struct pg_verification {
	struct blocking_client *client;
	const struct verifier *verifier;
	void *context;
	int64_t breaches, view_breaches;
};

static void report(const struct pg_verification *verification, const struct sql_rule *rule, const char *key,
		   const char *expected, const char *found)
{
	verification->verifier->broken(verification->context,
				       &(struct breach){rule->name, rule->meaning, key, expected, found});
}

/* ---- rules in SQL ---- */

static void report_rows(struct pg_verification *verification, const struct sql_rule *rule,
			const PGresult *rows)
{
	int count = PQntuples(rows);
	int64_t all = count ? blocking_client_number(rows, 0, 3) : 0;

	for (int row = 0; row < count; row++)
		report(verification, rule, PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
		       PQgetvalue(rows, row, 2));
	verification->breaches += all;
	if (!strcmp(rule->name, "view"))
		verification->view_breaches += all;
	if (all > count)
		verification->verifier->more(verification->context, rule->name, all - count);
}

static bool check_rule(struct pg_verification *verification, const struct sql_rule *rule)
{
	char max[16];
	const char *const params[] = {max};
	PGresult *rows;

	snprintf(max, sizeof max, "%d", BREACHES_REPORTED_MAX);
	rows = blocking_client_query(verification->client, rule->sql, 1, params);

	if (rows)
		report_rows(verification, rule, rows);
	PQclear(rows);
	return rows;
}

/* ---- the outbox, row by row ---- */

struct outbox_reading {
	const struct pg_verification *verification;
	int64_t misplaced, malformed, outdated;
};

/* Counts a breach, and reports it unless BREACHES_REPORTED_MAX were reported. */
static void count_breach(const struct outbox_reading *reading, int64_t *count, const struct sql_rule *rule,
			 const char *key, const char *expected, const char *found)
{
	if ((*count)++ < BREACHES_REPORTED_MAX)
		report(reading->verification, rule, key, expected, found);
}

static void check_row(struct outbox_reading *reading, const PGresult *rows, int row)
{
	const struct pg_verification *verification = reading->verification;
	struct kept_frame kept = {
		.sku = PQgetvalue(rows, row, 0),
		.product = blocking_client_number(rows, row, 7),
		.first_version = blocking_client_number(rows, row, 1),
		.last_version = blocking_client_number(rows, row, 2),
		.epoch = blocking_client_number(rows, row, 6),
	};
	const char *partition = PQgetvalue(rows, row, 4), *defect;
	char key[128], expected[16];
	unsigned char *frame = blocking_client_bytea(rows, row, 3, &kept.frame.size);

	kept.frame.data = frame;
	snprintf(key, sizeof key, "partition %s, position %s", partition, PQgetvalue(rows, row, 5));
	snprintf(expected, sizeof expected, "%d", kept.sku[0] ? partition_of(kept.sku) : 0);
	if (strcmp(expected, partition) != 0)
		count_breach(reading, &reading->misplaced, &partition_rule, key, expected, partition);
	defect = verification->verifier->frame_defect(verification->context, &kept);
	if (defect)
		count_breach(reading, &reading->malformed, &frame_rule, key, "a frame as its row says",
			     defect);
	PQfreemem(frame);
}

/* Compares the stored lines with the events of the rows that were checked last. */
static bool check_lines(struct outbox_reading *reading)
{
	const struct pg_verification *verification = reading->verification;
	const char *events = verification->verifier->line_events(verification->context);
	const char *const params[] = {events};
	PGresult *rows;

	if (!events)
		return true;
	rows = blocking_client_query(verification->client, line_rule.sql, 1, params);
	for (int row = 0; rows && row < PQntuples(rows); row++)
		count_breach(reading, &reading->outdated, &line_rule, PQgetvalue(rows, row, 0),
			     PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2));
	PQclear(rows);
	return rows;
}

static void report_rest(const struct outbox_reading *reading, const struct sql_rule *rule, int64_t count)
{
	const struct pg_verification *verification = reading->verification;

	if (count > BREACHES_REPORTED_MAX)
		verification->verifier->more(verification->context, rule->name,
					     count - BREACHES_REPORTED_MAX);
}

static bool check_outbox(struct pg_verification *verification)
{
	struct outbox_reading reading = {.verification = verification};
	int count = 1;

	if (!blocking_client_execute(verification->client, sql_declare_frames))
		return false;
	while (count > 0) {
		PGresult *rows = blocking_client_query(verification->client, sql_fetch_frames, 0, NULL);

		if (!rows)
			return false;
		count = PQntuples(rows);
		for (int row = 0; row < count; row++)
			check_row(&reading, rows, row);
		PQclear(rows);
		if (!check_lines(&reading))
			return false;
	}
	report_rest(&reading, &partition_rule, reading.misplaced);
	report_rest(&reading, &frame_rule, reading.malformed);
	report_rest(&reading, &line_rule, reading.outdated);
	verification->breaches += reading.misplaced + reading.malformed + reading.outdated;
	return true;
}

/* A standby, and a role that may only read, can be verified, too: then the workers do not know the result. */
static bool record(const struct pg_verification *verification)
{
	char breaches[24], of_view[24];
	const char *const params[] = {breaches, of_view};
	PGresult *done;

	snprintf(breaches, sizeof breaches, "%" PRId64, verification->breaches);
	snprintf(of_view, sizeof of_view, "%" PRId64, verification->view_breaches);
	done = blocking_client_query(verification->client, sql_record_verification, 2, params);
	PQclear(done);
	return done || !strcmp(verification->client->sqlstate, "25006") ||
	       !strcmp(verification->client->sqlstate, "42501");
}

bool postgres_verify(struct blocking_client *client, const struct verifier *verifier, void *context)
{
	struct pg_verification verification = {client, verifier, context, 0, 0};

	blocking_client_clear_deadline(client);
	if (!blocking_client_begin_transaction(client, sql_begin_verification))
		return false;
	for (size_t i = 0; i < SQL_RULES; i++) {
		if (!check_rule(&verification, &sql_rules[i]))
			return false;
	}
	return check_outbox(&verification) && blocking_client_execute(client, "commit") &&
	       record(&verification);
}
