/* Checks the order in which a SKU's messages took effect. */
#include "simulation/ledger_order.h"

#include <string.h>

void order_init(struct order *order, const char *sku)
{
	order->sku = sku;
	for (int i = 0; i < WAYS; i++)
		order->last[i] = -1;
	map_init(&order->by_batch, world->arena);
	order->forwarded = -1;
	order->created_at = SIZE_MAX;
}

static int receivers_of(const struct entry *entry)
{
	int count = 0;

	for (int i = 0; i < REPLICAS; i++)
		count += entry->sent[i] != NULL;
	return count;
}

bool may_be_lost(const struct entry *entry)
{
	for (int i = 0; i < entry->broadcast_count; i++) {
		if (!entry->broadcasts[i]->may_be_lost)
			return false;
	}
	return entry->broadcast_count;
}

bool may_be_repeated(const struct entry *entry)
{
	return entry->broadcast_count && entry->broadcasts[0]->may_be_repeated;
}

/*
 * Whether the message keeps its place: one worker received it, and so did that worker's successors, in the
 * same order; or it is in a stream or on a channel, which one worker after the other reads.  A command that
 * was perhaps rejected before its answer was lost may be handled much later.
 */
bool keeps_place(const struct entry *entry)
{
	bool was_sent_once = entry->sends == 1 && entry->transport == TRANSPORT_HTTP;

	return !entry->by_rival && !entry->again && !entry->lost_place && receivers_of(entry) <= 1 &&
	       !may_be_lost(entry) && (was_sent_once || entry->was_acceptable);
}

static int way_of(const struct entry *entry)
{
	int worker = 0;

	if (entry->transport == TRANSPORT_STREAM)
		return REPLICAS + entry->stream;
	if (entry->transport == TRANSPORT_PUBSUB)
		return WAYS - 1;
	while (worker < REPLICAS - 1 && !entry->sent[worker])
		worker++;
	return worker;
}

bool is_on_divided_stream(const struct entry *entry)
{
	return entry->transport == TRANSPORT_STREAM && is_divided(entry->stream);
}

static void check_follows(const struct order *order, int *last, const struct entry *entry)
{
	expect_that(*last <= entry->number, "%s: m-%d was handled before m-%d", order->sku, *last,
		    entry->number);
	*last = entry->number;
}

static int *last_of_batch(struct order *order, const struct entry *entry)
{
	struct envelope command;
	const char *key;
	int *last;

	ledger_read(entry, &command);
	key = arena_printf(world->arena, "%d %s", entry->stream, message_text(&command.message, "batchref"));
	last = map_get(&order->by_batch, key);
	if (!last) {
		last = arena_alloc(world->arena, sizeof *last);
		*last = -1;
		map_put(&order->by_batch, key, last);
	}
	return last;
}

/* An event is forwarded when its process ends, so commands behind it may be forwarded before it. */
static void check_forwarded(struct order *order, const struct entry *entry)
{
	if (entry->type != MSG_ORDER_CANCELLED)
		check_follows(order, last_of_batch(order, entry), entry);
	if (order->forwarded < entry->number)
		order->forwarded = entry->number;
}

/*
 * Checks that no command overtakes another: commands of a SKU that were delivered to one worker, or came on
 * one stream, take effect in the order of the deliveries; the commands of a process have the place of its
 * event.  What is forwarded to the SKU's stream comes behind what was on that one by then, and commands for
 * one batch stay in their order.  Commands for shared batches are exempt: they have no SKU until a commit
 * decides which SKU owns the batch.
 */
void order_check(struct order *order, const struct entry *entry)
{
	if (!keeps_place(entry) || strstr(entry->payload, SHARED_BATCH))
		return;
	if (is_on_divided_stream(entry) && stream_of_sku(order->sku) != entry->stream) {
		check_forwarded(order, entry);
		return;
	}
	check_follows(order, &order->last[way_of(entry)], entry);
	expect_that(!is_on_divided_stream(entry) || order->forwarded <= entry->number,
		    "%s: m-%d was forwarded, and overtook m-%d", order->sku, order->forwarded, entry->number);
}

/* What a divided stream receives goes over all of them. */
bool event_sees(const struct entry *event, const struct entry *allocate)
{
	bool on_one_way = way_of(event) == way_of(allocate) ||
			  (is_on_divided_stream(event) && is_on_divided_stream(allocate));

	return allocate->number < event->number && keeps_place(allocate) && keeps_place(event) && on_one_way;
}

/* Whether the event came behind an allocate of the line that has taken effect. */
static bool sees_line(const struct ledger *ledger, const struct entry *event, const struct deallocate *line)
{
	const char *fields = arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=%d\n", line->orderid,
					  line->sku, (int)line->qty);

	for (int i = 0; i < event->number; i++) {
		const struct entry *entry = ledger->entries[i];

		if (entry->type == MSG_ALLOCATE && entry->recorded && event_sees(event, entry) &&
		    !strncmp(entry->payload, fields, strlen(fields)))
			return true;
	}
	return false;
}

/*
 * A flush checks the revisions of the products, and a SKU that was unknown has none: the command has its
 * place where it was loaded.  There it may not have overtaken what came before its event on the same way.
 */
bool order_may_precede_sku(const struct order *order, const struct ledger *ledger, const struct entry *event,
			   const struct message *command, const struct inbox_row *row)
{
	return row->loaded_after <= order->created_at && order->created_at < row->committed_after &&
	       !sees_line(ledger, event, &command->as.deallocate);
}
