/*
 * All SQL of the worker.
 *
 * What it is about comes as arrays, one a column, that `unnest` turns into rows; those are joined to tables by
 * their keys (`= any(…)` would lose its index in a generic plan).  Whatever locks rows of several products does so
 * in the order of their keys, so that two workers never wait for each other.
 */
#include "adapters/postgres/statements.h"

#define STATEMENT(name, text) [name] = {#name, text, FOR_STORE}
#define VIEW(name, text)      [name] = {#name, text, FOR_VIEWS}

#define BATCH_COLUMNS "b.id, b.reference, b.eta, b.original_qty, b.purchased, b.allocated, b.changed_at"

/* Products by SKU ($1), and the owners of batches by reference ($2). */
#define NAMED_PRODUCTS                                                                                       \
	"(select p.id from unnest($1::text[]) as w(sku) join products p on p.sku = w.sku"                    \
	" union"                                                                                             \
	" select b.product_id from unnest($2::text[]) as w(reference) join batches b on b.reference = w.reference) named"

/* Lines ($1: product, $2: order id, $3: quantity). */
#define LINES_GIVEN "unnest($1::bigint[], $2::text[], $3::integer[]) as w(product_id, orderid, qty)"

const struct statement statements[STATEMENTS] = {
	/* ---- transactions ---- */

	/* Not READ ONLY, which it is otherwise: now and then a block of keys is taken. */
	STATEMENT(BEGIN_SNAPSHOT, "begin isolation level repeatable read"),
	STATEMENT(BEGIN_LOCKING, "begin isolation level read committed"),
	STATEMENT(COMMIT, "commit"),
	STATEMENT(ROLLBACK, "rollback"),

	/* ---- resolve ---- */

	STATEMENT(RESOLVE_BATCHES, "select w.at, p.sku"
				   " from unnest($1::text[]) with ordinality as w(reference, at)"
				   " join batches b on b.reference = w.reference"
				   " join products p on p.id = b.product_id"),

	/* ---- load ---- */

	STATEMENT(LOAD_CLOCK, "select clock_timestamp()"),
	STATEMENT(TAKE_KEYS, "select nextval('row_keys') from generate_series(1, $1::integer)"),

	STATEMENT(CHECK_REVISIONS, "select p.id"
				   " from unnest($1::bigint[], $2::bigint[]) as w(id, revision)"
				   " join products p on p.id = w.id"
				   " where p.revision <> w.revision"),

	STATEMENT(LOCK_PRODUCTS, "select p.id from " NAMED_PRODUCTS " join products p on p.id = named.id"
				 " order by p.id for no key update of p"),

	STATEMENT(
		LOAD_PRODUCTS,
		"select p.id, p.sku, p.version, p.revision, s.target, s.cause, s.traceparent, " BATCH_COLUMNS
		" from " NAMED_PRODUCTS " join products p on p.id = named.id"
		" left join shrinks s on s.product_id = p.id"
		" left join batches b on b.id = s.batch_id"
		" order by p.id"),

	STATEMENT(LOAD_OPEN_BATCHES,
		  "select b.product_id, " BATCH_COLUMNS " from " NAMED_PRODUCTS
		  " cross join lateral (select * from batches b where b.product_id = named.id and b.open"
		  "  order by b.eta, b.reference limit $3::integer) b"),

	STATEMENT(LOAD_BATCHES,
		  "select b.product_id, p.sku, " BATCH_COLUMNS " from unnest($1::text[]) as w(reference)"
		  " join batches b on b.reference = w.reference"
		  " join products p on p.id = b.product_id"),

	/* The limit keeps the planner from looking lines up by product alone, which costs the product's history. */
	STATEMENT(LOAD_LINES, "select l.product_id, l.orderid, l.qty, l.version, " BATCH_COLUMNS
			      " from unnest($1::text[], $2::text[], $3::integer[]) as w(sku, orderid, qty)"
			      " join products p on p.sku = w.sku"
			      " cross join lateral (select * from order_lines l where l.product_id = p.id"
			      "  and l.orderid = w.orderid and l.qty = w.qty limit 1) l"
			      " join batches b on b.id = l.batch_id"),

	/* `above`: what the newer lines of the batch add up to. */
	STATEMENT(
		LOAD_NEWEST_LINES,
		"select b.product_id, b.reference, l.orderid, l.qty, l.version"
		" from unnest($1::text[], $2::integer[]) as w(reference, lowest_qty)"
		" join batches b on b.reference = w.reference"
		" cross join lateral ("
		"  select n.*, sum(n.qty) over (order by n.version desc rows unbounded preceding) - n.qty as above"
		"  from (select orderid, qty, version from order_lines where batch_id = b.id"
		"   order by version desc limit $3::integer) n) l"
		" where l.above < b.allocated - w.lowest_qty"),

	STATEMENT(
		LOAD_INBOX,
		"select w.at, i.digest"
		" from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w(message, source, id, at)"
		" join inbox i on i.id = w.id and i.source = w.source and i.message = w.message"),

	STATEMENT(
		LOAD_FITTING_BATCHES,
		"select b.product_id, " BATCH_COLUMNS
		" from unnest($1::bigint[], $2::integer[], $3::date[], $4::text[])"
		"  as w(product_id, fitting, eta, reference)"
		" cross join lateral (select * from batches b where b.product_id = w.product_id and b.open"
		"  and (b.eta, b.reference) > (w.eta, w.reference) and b.purchased - b.allocated >= w.fitting"
		"  order by b.eta, b.reference limit $5::integer) b"),

	STATEMENT(
		LOAD_OLDER_LINES,
		"select w.at, l.orderid, l.qty, l.version"
		" from unnest($1::bigint[], $2::bigint[], $3::integer[]) with ordinality"
		"  as w(batch_id, lines_from, qty, at)"
		" cross join lateral ("
		"  select n.*, sum(n.qty) over (order by n.version desc rows unbounded preceding) - n.qty as above"
		"  from (select orderid, qty, version from order_lines"
		"   where batch_id = w.batch_id and version < w.lines_from"
		"   order by version desc limit $4::integer) n) l"
		" where l.above < w.qty"),

	STATEMENT(LOAD_DISPLACED_LINES,
		  "select w.at, l.orderid, l.qty, l.version"
		  " from unnest($1::bigint[]) with ordinality as w(product_id, at)"
		  " cross join lateral (select * from displaced_lines l where l.product_id = w.product_id"
		  "  order by l.version limit $2::integer) l"),

	/* ---- flush ---- */

	STATEMENT(INSERT_WITNESS, "insert into units (witness) values ($1)"),

	STATEMENT(INSERT_INBOX,
		  "insert into inbox (message, source, id, digest, outcome)"
		  " select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])"),

	/* A row that somebody else was changing is read again after the wait for its lock: `same` tells of now. */
	STATEMENT(CHECK_PRODUCTS,
		  "select expect_revisions(count(*) filter (where locked.same), $3::bigint) from ("
		  " select p.revision = w.revision as same"
		  " from unnest($1::bigint[], $2::bigint[]) as w(id, revision) join products p on p.id = w.id"
		  " order by p.id for no key update of p) locked"),

	STATEMENT(UPDATE_PRODUCTS,
		  "update products p set version = w.version, revision = p.revision + 1"
		  " from unnest($1::bigint[], $2::bigint[]) as w(id, version) where p.id = w.id"),

	STATEMENT(
		INSERT_PRODUCTS,
		"insert into products (id, sku, version, revision)"
		" select id, sku, version, 1 from unnest($1::bigint[], $2::text[], $3::bigint[]) as w(id, sku, version)"),

	STATEMENT(
		UPDATE_BATCHES,
		"update batches b set purchased = w.purchased, allocated = w.allocated, changed_at = w.changed_at"
		" from unnest($1::bigint[], $2::integer[], $3::integer[], $4::timestamptz[])"
		"  as w(id, purchased, allocated, changed_at)"
		" where b.id = w.id"),

	STATEMENT(
		INSERT_BATCHES,
		"insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at)"
		" select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::date[], $5::integer[],"
		"  $6::integer[], $7::integer[], $8::timestamptz[])"),

	STATEMENT(DELETE_LINES,
		  "delete from order_lines l using " LINES_GIVEN
		  " where l.product_id = w.product_id and l.orderid = w.orderid and l.qty = w.qty"),

	STATEMENT(UPDATE_LINES,
		  "update order_lines l set batch_id = w.batch_id, version = w.version"
		  " from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[])"
		  "  as w(product_id, orderid, qty, batch_id, version)"
		  " where l.product_id = w.product_id and l.orderid = w.orderid and l.qty = w.qty"),

	STATEMENT(
		INSERT_LINES,
		"insert into order_lines (product_id, orderid, qty, batch_id, version)"
		" select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[])"),

	STATEMENT(DELETE_DISPLACED,
		  "delete from displaced_lines l using " LINES_GIVEN
		  " where l.product_id = w.product_id and l.orderid = w.orderid and l.qty = w.qty"),

	STATEMENT(INSERT_DISPLACED,
		  "insert into displaced_lines (product_id, orderid, qty, version)"
		  " select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[])"),

	STATEMENT(
		DELETE_SHRINKS,
		"delete from shrinks s using unnest($1::bigint[]) as w(product_id) where s.product_id = w.product_id"),

	STATEMENT(
		PUT_SHRINKS,
		"insert into shrinks (product_id, batch_id, target, cause, traceparent)"
		" select * from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[])"
		" on conflict (product_id) do update set batch_id = excluded.batch_id, target = excluded.target,"
		"  cause = excluded.cause, traceparent = excluded.traceparent"),

	STATEMENT(DELETE_VIEW, "delete from allocations_view v"
			       " using unnest($1::text[], $2::text[], $3::integer[]) as w(orderid, sku, qty)"
			       " where v.orderid = w.orderid and v.sku = w.sku and v.qty = w.qty"),

	STATEMENT(PUT_VIEW, "insert into allocations_view (orderid, sku, qty, batchref)"
			    " select * from unnest($1::text[], $2::text[], $3::integer[], $4::text[])"
			    " on conflict (orderid, sku, qty) do update set batchref = excluded.batchref"),

	STATEMENT(
		INSERT_NOTIFICATIONS,
		"insert into notifications (sku, orderid, qty, due_at)"
		" select w.sku, w.orderid, w.qty, now() + make_interval(secs => $4::integer)"
		" from unnest($1::text[], $2::text[], $3::integer[]) with ordinality as w(sku, orderid, qty, at)"
		" order by w.at returning id"),

	STATEMENT(
		INSERT_DEAD_LETTERS,
		"insert into dead_letters"
		" (outcome, reason, way, place, entry_id, message, source, message_id, payload, payload_bytes)"
		" select outcome, reason, way, place, entry_id, message, source, message_id, payload, payload_bytes"
		" from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],"
		"  $8::text[], $9::bytea[], $10::bigint[]) with ordinality as w(outcome, reason, way, place, entry_id,"
		"  message, source, message_id, payload, payload_bytes, at)"
		" order by w.at"),

	STATEMENT(TRIM_DEAD_LETTERS, "select trim_dead_letters($1::bigint)"),

	STATEMENT(MOVE_CURSORS, "update outbox_cursors c set position = locked.position"
				" from (select c.partition, w.position"
				"  from unnest($1::smallint[], $2::bigint[]) as w(partition, position)"
				"  join outbox_cursors c on c.partition = w.partition"
				"  order by c.partition for no key update of c) locked"
				" where c.partition = locked.partition and c.position < locked.position"),

	/* Last, for everybody who writes events of these partitions waits for the heads until we commit. */
	STATEMENT(
		INSERT_OUTBOX,
		"with fresh as ("
		" select w.*, row_number() over (partition by w.partition order by w.at) as step"
		" from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) with ordinality"
		"  as w(partition, product_id, first_version, last_version, frame, at)),"
		" head as ("
		" select h.partition, h.position, rows.count"
		" from (select partition, count(*) from fresh group by partition) rows"
		" join outbox_heads h on h.partition = rows.partition"
		" order by h.partition for no key update of h),"
		" moved as ("
		" update outbox_heads h set position = head.position + head.count"
		" from head where h.partition = head.partition),"
		" kept as ("
		" insert into outbox (partition, position, product_id, first_version, last_version, frame)"
		" select fresh.partition, head.position + fresh.step, fresh.product_id, fresh.first_version,"
		"  fresh.last_version, fresh.frame"
		" from fresh join head on head.partition = fresh.partition)"
		" select partition, position from head"),

	/* ---- everything else ---- */

	/* The lost session may still be committing: wait for it, until the end of this transaction. */
	STATEMENT(WAIT_LONGER, "select set_config('lock_timeout', '8s', true)"),
	STATEMENT(SETTLE_WITNESS,
		  "insert into units (witness, settled) values ($1, true) on conflict (witness) do nothing"),
	STATEMENT(READ_WITNESS, "select settled from units where witness = $1"),

	STATEMENT(PROBE, "insert into units (witness) values (gen_random_uuid())"),

	STATEMENT(READ_CURSORS, "select h.partition, c.position, h.position"
				" from outbox_heads h join outbox_cursors c on c.partition = h.partition"),

	/* No more bytes than that, but one row always. */
	STATEMENT(
		READ_OUTBOX,
		"select position, first_version, last_version, frame from ("
		" select o.*, sum(octet_length(o.frame)) over (order by o.position) as bytes,"
		"  row_number() over (order by o.position) as number from ("
		"  select * from outbox where partition = $1 and position > $2 order by position limit $3::bigint) o) o"
		" where bytes <= $4::bigint or number = 1 order by position"),

	STATEMENT(READ_HEAD, "select position from outbox_heads where partition = $1"),

	STATEMENT(TAKE_NOTIFICATIONS,
		  "update notifications n set due_at = now() + make_interval(secs => $2::integer)"
		  " from (select id from notifications where due_at <= now()"
		  "  order by due_at limit $1::bigint for update skip locked) due"
		  " where n.id = due.id returning n.id, n.sku, n.orderid, n.qty, n.attempts"),

	STATEMENT(DELETE_NOTIFICATION, "delete from notifications where id = $1"),

	STATEMENT(POSTPONE_NOTIFICATION,
		  "update notifications set attempts = attempts + 1,"
		  " due_at = now() + make_interval(secs => $2::integer) where id = $1"),

	STATEMENT(
		READ_SHRINKS,
		"select p.sku from shrinks s join products p on p.id = s.product_id order by s.product_id limit $1::bigint"),

	/* A witness is asked for again moments after its unit; a day is beyond any doubt. */
	STATEMENT(TIDY_UNITS,
		  "delete from units u using (select witness from units where at < now() - interval '1 day'"
		  " order by at limit $1::integer) old where u.witness = old.witness"),

	STATEMENT(TIDY_INBOX, "delete from inbox i using (select message, source, id from inbox"
			      " where handled_at < now() - make_interval(days => $2::integer)"
			      " order by handled_at limit $1::integer) old"
			      " where i.id = old.id and i.source = old.source and i.message = old.message"),

	/* Never what is not published yet: only below the cursor. */
	STATEMENT(TIDY_OUTBOX,
		  "delete from outbox o using (select oldest.partition, oldest.position"
		  " from outbox_cursors c cross join lateral ("
		  "  select * from outbox o where o.partition = c.partition and o.position <= c.position"
		  "  order by o.position limit $1::integer) oldest"
		  " where oldest.committed_at < now() - interval '7 days') old"
		  " where o.partition = old.partition and o.position = old.position"),

	/* ---- views ---- */

	VIEW(VIEW_ALLOCATIONS,
	     "select sku, batchref from allocations_view where orderid = $1 order by sku, qty"),

	VIEW(VIEW_EVENTS, "select o.first_version, o.frame from products p"
			  " cross join lateral (select * from outbox o where o.product_id = p.id"
			  "  and o.last_version > $2::bigint order by o.last_version limit $3::integer) o"
			  " where p.sku = $1 order by o.last_version"),

	VIEW(PING, "select 1"),
};
