/* The rules of the database, one row each, and the reading of what breaks them. */
#include "adapters/postgres/tools/verify.h"

#include "core/base/must.h"
#include "core/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Selects what breaks it: the row's key, what was expected and what is there, as text. */
struct rule {
	const char *name;
	const char *meaning;
	const char *sql;
};

/* As everywhere, however the database writes times. */
#define RFC3339(column) "to_char(" column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* clang-format off */
static const struct rule rules[] = {
	{
		"batch-lines", "a batch has allocated what its lines add up to",
		"select format('batch %s', b.reference), coalesce(l.qty, 0)::text, b.allocated::text"
		" from batches b"
		" left join (select batch_id, sum(qty) as qty from order_lines group by batch_id) l"
		" on l.batch_id = b.id"
		" where b.allocated <> coalesce(l.qty, 0)",
	},
	{
		"batch-stock", "no batch has more allocated than purchased",
		"select format('batch %s', reference), format('at most %s', purchased), allocated::text"
		" from batches where allocated > purchased",
	},
	{
		"line-batch", "a line is in a batch of its own product",
		"select format('line %s of %s', l.orderid, l.qty),"
		" format('a batch of product %s', l.product_id),"
		" coalesce(format('one of product %s', b.product_id), 'no batch')"
		" from order_lines l left join batches b on b.id = l.batch_id"
		" where b.product_id is distinct from l.product_id",
	},
	{
		"line-version", "no line is newer than its product",
		"select format('line %s of %s of %s', l.orderid, l.qty, p.sku),"
		" format('at most %s', p.version),"
		" l.version::text"
		" from (select product_id, orderid, qty, version from order_lines"
		" union all select product_id, orderid, qty, version from displaced_lines) l"
		" join products p on p.id = l.product_id"
		" where l.version > p.version",
	},
	{
		"line-displaced", "a line is in a batch or displaced, not both",
		"select format('line %s of %s of product %s', orderid, qty, product_id),"
		" 'one of them', 'both'"
		" from displaced_lines join order_lines using (product_id, orderid, qty)",
	},
	{
		"displaced-shrink", "lines are displaced only while a shrink of their product goes on",
		"select format('line %s of %s of product %s', d.orderid, d.qty, d.product_id),"
		" 'a shrink', 'none'"
		" from displaced_lines d left join shrinks s using (product_id)"
		" where s.product_id is null",
	},
	{
		"shrink-batch", "a batch that shrinks is of its product, and not larger than it must be",
		"select format('batch %s', b.reference),"
		" format('product %s, purchased %s', s.product_id, greatest(b.allocated, s.target)),"
		" format('product %s, purchased %s', b.product_id, b.purchased)"
		" from shrinks s join batches b on b.id = s.batch_id"
		" where b.product_id <> s.product_id or b.purchased <> greatest(b.allocated, s.target)",
	},
	{
		"product-batches", "a product has a batch",
		"select format('product %s', p.sku), 'a batch', 'none'"
		" from products p where not exists (select from batches b where b.product_id = p.id)",
	},
	{
		"product-version", "a product's version is that of its last event",
		"select format('product %s', p.sku), o.last::text, p.version::text"
		" from products p"
		" join (select product_id, max(last_version) as last from outbox group by product_id) o"
		" on o.product_id = p.id"
		" where p.version <> o.last",
	},
	{
		"outbox-product", "events are of a product that there is",
		"select format('partition %s, position %s', o.partition, o.position),"
		" format('product %s', o.product_id), 'none'"
		" from outbox o left join products p on p.id = o.product_id"
		" where p.id is null",
	},
	{
		"outbox-versions", "events of a product are numbered without gaps",
		"select format('partition %s, position %s', partition, position),"
		" (before + 1)::text, first_version::text"
		" from (select partition, position, first_version, lag(last_version)"
		" over (partition by product_id order by last_version) as before from outbox) o"
		" where first_version <> before + 1",
	},
	{
		"outbox-positions", "rows of a partition are numbered without gaps",
		"select format('partition %s', partition), format('position %s', before + 1), position::text"
		" from (select partition, position, lag(position)"
		" over (partition by partition order by position) as before from outbox) o"
		" where position <> before + 1",
	},
	{
		"outbox-head", "the last row of a partition is where its head points",
		"select format('partition %s', h.partition), h.position::text, o.last::text"
		" from outbox_heads h"
		" join (select partition, max(position) as last from outbox group by partition) o"
		" using (partition)"
		" where o.last <> h.position",
	},
	{
		"outbox-cursor", "no partition was published further than its head",
		"select format('partition %s', partition), format('at most %s', h.position), c.position::text"
		" from outbox_cursors c join outbox_heads h using (partition)"
		" where c.position > h.position",
	},
	{
		"outbox-unpublished", "what is not published yet is kept",
		"select format('partition %s', h.partition), format('rows from position %s', c.position + 1),"
		" coalesce(format('from %s', o.first), 'none')"
		" from outbox_heads h join outbox_cursors c using (partition)"
		" left join (select partition, min(position) as first from outbox group by partition) o"
		" using (partition)"
		" where c.position < h.position and coalesce(o.first > c.position + 1, true)",
	},
	{
		"outbox-partitions", "each partition has a head and a cursor",
		"select format('partition %s', n), 'head and cursor',"
		" case when h.partition is null then 'no head' else 'no cursor' end"
		" from generate_series(0, 15) n"
		" left join outbox_heads h on h.partition = n left join outbox_cursors c on c.partition = n"
		" where h.partition is null or c.partition is null",
	},
	{
		"view", "the read model shows every line in its batch, and nothing else",
		"select format('line %s of %s of %s', orderid, qty, sku), coalesce(l.reference, 'no row'),"
		" coalesce(v.batchref, 'no row')"
		" from (select l.orderid, p.sku, l.qty, b.reference from order_lines l"
		" join products p on p.id = l.product_id join batches b on b.id = l.batch_id) l"
		" full join allocations_view v using (orderid, sku, qty)"
		" where l.reference is distinct from v.batchref",
	},
	{
		"inbox-outcome", "a spent id was handled or skipped",
		"select format('%s %s', message, id), 'handled or skipped', outcome"
		" from inbox where outcome not in ('handled', 'skipped')",
	},
	{
		"limits", "names have 1 to 255 characters, quantities are 1 at least, versions count up",
		"select key, '1 to 255 characters, 1 at least', found"
		" from (select format('product %s', sku) as key,"
		" format('revision %s, version %s', revision, version) as found from products"
		" where char_length(sku) not between 1 and 255 or revision < 1 or version < 0"
		" union all select format('batch %s', reference), original_qty::text from batches"
		" where char_length(reference) not between 1 and 255 or original_qty < 1"
		" union all select format('line %s of product %s', orderid, product_id), qty::text"
		" from order_lines"
		" where char_length(orderid) not between 1 and 255 or qty < 1 or version < 1"
		" union all select format('partition %s, position %s', partition, position),"
		" format('versions %s to %s', first_version, last_version)"
		" from outbox where first_version not between 1 and last_version) as beyond",
	},
	{
		"dead-letter-total", "dead letters are counted",
		"select 'dead letters', count(*)::text, (select kept from dead_letter_totals)::text"
		" from dead_letters"
		" having count(*) is distinct from (select kept from dead_letter_totals)",
	},
	{
		"stream-done", "no stream was handled further than it goes",
		"select format('stream %s', name), format('at most %s', array_to_string(highest, '-')),"
		" array_to_string(done, '-')"
		" from streams where done > highest",
	},
	{
		"blind-window", "a blind window begins before it ends",
		"select format('window %s', id), format('until %s or later', " RFC3339("since") "), "
		RFC3339("until")
		" from blind_windows where since > until",
	},
};
/* clang-format on */

/* What SQL cannot tell; both are looked for in one reading of the outbox. */
static const struct rule partition_rule = {"outbox-partition", "events are in the partition of their product",
					   NULL};
static const struct rule frame_rule = {
	"outbox-frame", "a row of the outbox holds the events of its product that it says", NULL};

#define SQL_RULES (sizeof rules / sizeof rules[0])

const size_t verify_rule_count = SQL_RULES + 2;

struct verification {
	struct blocking_client *client;
	const struct verifier *verifier;
	void *context;
};

static void tell(const struct verification *verification, const struct rule *rule, const char *key,
		 const char *expected, const char *found)
{
	verification->verifier->broken(verification->context,
				       &(struct breach){rule->name, rule->meaning, key, expected, found});
}

/* ---- rules in SQL ---- */

static char *rule_query(const struct rule *rule)
{
	static const char form[] =
		"select *, count(*) over () from (%s) as breach (key, expected, found) limit %d";
	size_t size = sizeof form + strlen(rule->sql) + 16;
	char *sql = must(malloc(size));

	snprintf(sql, size, form, rule->sql, BREACHES_TOLD_MAX);
	return sql;
}

static void tell_rows(const struct verification *verification, const struct rule *rule, const PGresult *rows)
{
	int count = PQntuples(rows);
	int64_t all = count ? blocking_client_number(rows, 0, 3) : 0;

	for (int row = 0; row < count; row++)
		tell(verification, rule, PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
		     PQgetvalue(rows, row, 2));
	if (all > count)
		verification->verifier->more(verification->context, rule->name, all - count);
}

static bool check_rule(const struct verification *verification, const struct rule *rule)
{
	char *sql = rule_query(rule);
	PGresult *rows = blocking_client_ask(verification->client, sql, 0, NULL);

	if (rows)
		tell_rows(verification, rule, rows);
	PQclear(rows);
	free(sql);
	return rows;
}

/* ---- the outbox, row by row ---- */

/* A frame can hold megabytes: few at a time. */
static const char fetch_frames[] = "fetch 16 from frames";
static const char declare_frames[] =
	"declare frames no scroll cursor for"
	" select p.sku, o.first_version, o.last_version, o.frame, o.partition, o.position"
	" from outbox o join products p on p.id = o.product_id";

struct outbox_reading {
	const struct verification *verification;
	int64_t misplaced, malformed;
};

/* Counts one breach more; tells it when it is not one too many. */
static void note(const struct outbox_reading *reading, int64_t *count, const struct rule *rule,
		 const char *key, const char *expected, const char *found)
{
	if ((*count)++ < BREACHES_TOLD_MAX)
		tell(reading->verification, rule, key, expected, found);
}

static void check_row(struct outbox_reading *reading, const PGresult *rows, int row)
{
	const struct verification *verification = reading->verification;
	struct kept_frame kept = {
		.sku = PQgetvalue(rows, row, 0),
		.first_version = blocking_client_number(rows, row, 1),
		.last_version = blocking_client_number(rows, row, 2),
	};
	const char *partition = PQgetvalue(rows, row, 4), *defect;
	char key[128], expected[16];
	unsigned char *frame = blocking_client_bytea(rows, row, 3, &kept.frame.size);

	kept.frame.data = frame;
	snprintf(key, sizeof key, "partition %s, position %s", partition, PQgetvalue(rows, row, 5));
	snprintf(expected, sizeof expected, "%d", partition_of(kept.sku));
	if (strcmp(expected, partition) != 0)
		note(reading, &reading->misplaced, &partition_rule, key, expected, partition);
	defect = verification->verifier->frame_defect(verification->context, &kept);
	if (defect)
		note(reading, &reading->malformed, &frame_rule, key, "a frame as its row says", defect);
	PQfreemem(frame);
}

static void tell_rest(const struct outbox_reading *reading, const struct rule *rule, int64_t count)
{
	const struct verification *verification = reading->verification;

	if (count > BREACHES_TOLD_MAX)
		verification->verifier->more(verification->context, rule->name, count - BREACHES_TOLD_MAX);
}

static bool check_outbox(const struct verification *verification)
{
	struct outbox_reading reading = {.verification = verification};
	int count = 1;

	if (!blocking_client_run(verification->client, declare_frames))
		return false;
	while (count > 0) {
		PGresult *rows = blocking_client_ask(verification->client, fetch_frames, 0, NULL);

		if (!rows)
			return false;
		count = PQntuples(rows);
		for (int row = 0; row < count; row++)
			check_row(&reading, rows, row);
		PQclear(rows);
	}
	tell_rest(&reading, &partition_rule, reading.misplaced);
	tell_rest(&reading, &frame_rule, reading.malformed);
	return true;
}

bool postgres_verify(struct blocking_client *client, const struct verifier *verifier, void *context)
{
	const struct verification verification = {client, verifier, context};

	blocking_client_wait_for_ever(client);
	if (!blocking_client_begin_transaction(client, "begin isolation level repeatable read read only;"
						       "set local statement_timeout = 0"))
		return false;
	for (size_t i = 0; i < SQL_RULES; i++) {
		if (!check_rule(&verification, &rules[i]))
			return false;
	}
	return check_outbox(&verification) && blocking_client_run(client, "commit");
}
