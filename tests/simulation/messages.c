/* Makes random commands and events, and sends them. */
#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

#include "core/base/calendar.h"

#include <limits.h>
#include <string.h>

#define SKUS    4
#define BATCHES 6 /* of each SKU */

/*
 * A message may be dated this far ahead of the database's clock; while clocks step, many are dated
 * farther ahead.
 */
#define AHEAD_MAX_MS (5 * MINUTE_MS)
#define FAR_AHEAD_MS (20 * MINUTE_MS)

/* ---- commands ---- */

static const char *any_batch(struct run *run, int sku)
{
	if (!pick(run, 20))
		return arena_printf(world->arena, SHARED_BATCH "-%d", pick(run, BATCHES));
	return arena_printf(world->arena, "batch-%d-%d", sku, pick(run, BATCHES));
}

static struct entry *any_create(struct run *run, enum transport transport)
{
	static const char *const etas[] = {"", "\neta=2024-01-01", "\neta=2024-02-01"};
	int sku = pick(run, SKUS);

	return ledger_add(&run->ledger, transport, MSG_CREATE_BATCH,
			  arena_printf(world->arena, "ref=%s\nsku=SKU-%d\nqty=%d%s", any_batch(run, sku), sku,
				       1 + pick(run, run->stock), etas[pick(run, COUNT(etas))]));
}

static const char *date(int64_t ahead_ms)
{
	char text[INSTANT_TEXT_SIZE];

	instant_format(database_now(world->database) + ahead_ms * 1000, text);
	return arena_printf(world->arena, "\noccurred_at=%s", text);
}

/* Returns "", or a date that is soon as far ahead as is allowed. */
static const char *date_ahead(struct run *run)
{
	int64_t ahead_ms = AHEAD_MAX_MS + pick(run, 100);

	return pick(run, 6) ? "" : date(ahead_ms);
}

/* Returns "", or a date that may be valid or invalid once the clock has stepped. */
static const char *far_ahead(struct run *run)
{
	if (run->disaster.kind != CLOCKS_STEP || pick(run, 3))
		return "";
	return date(pick(run, (int)FAR_AHEAD_MS));
}

/* An order that the database refuses. */
static const char *poison(int number)
{
	const char *orderid = arena_printf(world->arena, POISON "-%d", number);

	if (!database_refusal(world->database, orderid))
		database_refuse(world->database, orderid);
	return orderid;
}

/*
 * Returns any line of one of a few orders; or the next or a recent line of many orders, which have one, two
 * or three lines of different SKUs each.
 */
static struct entry *any_allocate(struct run *run, enum transport transport)
{
	static const int first_line[] = {0, 1, 1, 3, 3, 3};
	int line = run->orders     ? pick(run, 3 * (SKUS + 1))
		   : pick(run, 40) ? ++run->last_line
				   : run->last_line - pick(run, RECENT);
	int number = run->orders ? pick(run, run->orders) : line - line % 6 + first_line[line % 6];
	const char *orderid = pick(run, 60) ? arena_printf(world->arena, "order-%d", number) : poison(number);

	return ledger_add(&run->ledger, transport, MSG_ALLOCATE,
			  arena_printf(world->arena, "orderid=%s\nsku=SKU-%d\nqty=%d%s", orderid,
				       line % (SKUS + 1), 1 + line % 3, far_ahead(run)));
}

/* Returns the fields of an allocate among the last messages, up to `end`; or those of an unknown line. */
static const char *line_of_any(struct run *run, int last, const char *end)
{
	int count = run->ledger.count, from = count > last ? count - last : 0;
	const char *fields = "orderid=unknown\nsku=SKU-0\nqty=1\nid=";

	for (int tries = count ? 20 : 0; tries > 0; tries--) {
		const struct entry *sent = run->ledger.entries[from + pick(run, count - from)];

		if (sent->type != MSG_ALLOCATE || sent->is_anonymous)
			continue;
		fields = sent->payload;
		break;
	}
	return arena_printf(world->arena, "%.*s", (int)(strstr(fields, end) - fields), fields);
}

/* Releases the line of an allocate that was sent before. */
static struct entry *any_release(struct run *run, enum transport transport)
{
	return ledger_add(&run->ledger, transport, pick(run, 2) ? MSG_DEALLOCATE : MSG_SHIP,
			  line_of_any(run, INT_MAX, "\nid="));
}

/* Cancels the order of an allocate that was sent before, half of the time of a recent one. */
static struct entry *any_cancellation(struct run *run, enum transport transport)
{
	return ledger_add(&run->ledger, transport, MSG_ORDER_CANCELLED,
			  arena_printf(world->arena, "%s%s",
				       line_of_any(run, pick(run, 2) ? RECENT : INT_MAX, "\nsku="),
				       date_ahead(run)));
}

static struct entry *any_change(struct run *run, enum transport transport)
{
	const char *occurred_at = "";

	if (!pick(run, 3))
		occurred_at =
			arena_printf(world->arena, "\noccurred_at=2023-12-%02dT00:00:00Z", 1 + pick(run, 28));
	return ledger_add(&run->ledger, transport, MSG_CHANGE_BATCH_QUANTITY,
			  arena_printf(world->arena, "batchref=%s\nqty=%d%s", any_batch(run, pick(run, SKUS)),
				       pick(run, run->stock + 10), occurred_at));
}

struct entry *any_message(struct run *run, int kinds)
{
	enum transport transport = (enum transport)pick(run, TRANSPORT_HTTP + 1);
	int kind = pick(run, kinds);

	if (kind < 1)
		return any_create(run, transport);
	if (kind == KINDS - 1)
		return any_cancellation(run, transport);
	if (kind >= 10)
		return any_release(run, transport);
	return kind < 8 ? any_allocate(run, transport) : any_change(run, transport);
}

/* ---- they are sent ---- */

/* A publisher that knows the SKU adds to its stream, or to the one beside the range if there is a range. */
static int stream_for(struct run *run, const struct entry *entry)
{
	struct envelope message;
	const char *sku;

	ledger_read(entry, &message);
	sku = message_text(&message.message, "sku");
	if (is_divided(0) && sku && pick(run, 4))
		return stream_of_sku(sku);
	return is_divided(0) && sku ? RANGE : pick(run, STREAMS);
}

void send_to(struct run *run, struct entry *entry, int worker)
{
	if (entry->transport == TRANSPORT_STREAM)
		ledger_append(entry, stream_for(run, entry));
	else if (entry->transport == TRANSPORT_PUBSUB)
		ledger_publish(entry);
	else
		ledger_deliver(entry, worker);
}

/* An impatient client asks several workers over HTTP. */
void send(struct run *run, struct entry *entry)
{
	int worker;

	if (!pick(run, 25)) /* the client is careless */
		ledger_reuse_id(&run->ledger, entry, 1 + pick(run, RECENT));
	worker = pick(run, run->chaos.workers);
	send_to(run, entry, worker);
	for (int i = 0; i < run->chaos.workers && entry->transport == TRANSPORT_HTTP; i++) {
		if (i != worker && !pick(run, 4))
			ledger_deliver(entry, i);
	}
}

void publish_anonymous(struct run *run)
{
	const char *sku = arena_printf(world->arena, ANONYMOUS_SKU "-%d", pick(run, ANONYMOUS_SKUS));

	ledger_publish(ledger_add_anonymous(&run->ledger, sku));
}

void send_burst(struct run *run)
{
	for (int count = 1 + pick(run, 12); count > 0; count--) {
		if (pick(run, 6))
			send(run, any_message(run, KINDS));
		else
			publish_anonymous(run);
	}
}
