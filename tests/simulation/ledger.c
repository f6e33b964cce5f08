/*
 * Verifies a run by replaying the commands in the inbox, one after the other, on the simple model of the
 * domain.  An event has an effect by the commands of its process only.
 */
#include "simulation/ledger.h"
#include "simulation/ledger_order.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "support/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- replay ---- */

/* The expected state of a SKU, and its events in the outbox. */
struct history {
	const char *sku;
	struct outgoing *events;
	size_t count;
	size_t seen;
	struct order order;
	struct history *next;
	struct model model; /* the last, and its array of events last in it: that needs no zeros */
};

/* A replay of the inbox, and what it has found out so far. */
struct replay_run {
	struct ledger *ledger;
	struct map histories; /* by SKU */
	struct history *first;
	size_t *parts;   /* commands of each process, in the order of their keys */
	size_t position; /* in the inbox */
};

static void read_outbox(struct history *history)
{
	const struct outbox_partition *partition = &world->database->outbox[partition_of(history->sku)];

	for (size_t i = 0; i < partition->count; i++) {
		const struct stored_outbox_row *row = &partition->rows[i];

		for (size_t at = 0; at < row->part_count; at++) {
			if (!strcmp(row->parts[at].sku, history->sku))
				expect_that(outbox_frame_decode(world->arena,
								stored_outbox_events(row, &row->parts[at]),
								&history->events, &history->count),
					    "%s: an outbox row cannot be read", history->sku);
		}
	}
}

static struct history *history_of(struct replay_run *run, const char *sku)
{
	struct history *history = map_get(&run->histories, sku);

	if (history)
		return history;
	history = arena_reserve(world->arena, sizeof *history);
	memset(history, 0, offsetof(struct history, model.events));
	history->sku = sku;
	order_init(&history->order, sku);
	history->next = run->first;
	run->first = history;
	map_put(&run->histories, sku, history);
	read_outbox(history);
	return history;
}

static enum verdict do_naively(struct model *model, const struct envelope *command)
{
	const struct create_batch *create = &command->message.as.create_batch;
	const struct allocate *allocate = &command->message.as.allocate;
	const struct deallocate *deallocate = &command->message.as.deallocate;
	const struct ship *ship = &command->message.as.ship;
	const struct change_batch_quantity *change = &command->message.as.change_batch_quantity;

	if (command->message.type == MSG_CREATE_BATCH)
		return model_add_batch(model, create->batchref, create->qty, create->eta);
	if (command->message.type == MSG_ALLOCATE)
		return model_allocate(model, allocate->orderid, allocate->qty);
	if (command->message.type == MSG_DEALLOCATE)
		return model_deallocate(model, deallocate->orderid, deallocate->qty);
	if (command->message.type == MSG_SHIP)
		return model_ship(model, ship->orderid, ship->qty);
	return model_change_quantity(model, change->batchref, change->qty, change->occurred_at);
}

static void read_event(const struct outgoing *event, struct envelope *envelope)
{
	const char *error;

	expect_that(memory_codec_read(event->type, event->payload, world->arena, envelope, &error), "%s",
		    error);
}

/* Both may be NULL. */
static void expect_text(const struct history *history, const struct envelope *event, const char *field,
			const char *expected)
{
	const char *text = message_text(&event->message, field);
	bool is_same = text && expected ? !strcmp(text, expected) : text == expected;

	expect_that(is_same, "%s: the %s of an event is %s instead of %s", history->sku, field,
		    text ? text : "missing", expected ? expected : "missing");
}

static void expect_number(const struct history *history, const struct envelope *event, const char *field,
			  int64_t expected)
{
	int64_t number = message_number(&event->message, field);

	expect_that(number == expected, "%s: the %s of an event is %" PRId64 " instead of %" PRId64,
		    history->sku, field, number, expected);
}

/* The next event in the outbox must be the one that the model raised, with the command as its cause. */
static void check_event(struct history *history, const struct model_event *expected, const char *cause)
{
	struct envelope envelope;
	const struct outgoing *event;

	expect_that(history->seen < history->count, "%s: an event of version %d is missing", history->sku,
		    (int)expected->version);
	event = &history->events[history->seen++];
	read_event(event, &envelope);
	expect_that(event->type == expected->type, "%s: %s is %s, but the model says %s", history->sku, cause,
		    message_name(event->type), message_name(expected->type));
	expect_number(history, &envelope, "version", expected->version);
	expect_number(history, &envelope, "qty", expected->qty);
	expect_text(history, &envelope, "orderid", expected->orderid);
	expect_text(history, &envelope, "cause", cause);
	expect_text(history, &envelope, "batchref", expected->batchref);
	expect_text(history, &envelope, "reason", expected->reason);
}

/* The command, sent by `entry` or by its process, had the outcome and the events that the model says. */
static void replay_command(struct history *history, const struct entry *entry, const struct envelope *command,
			   const struct inbox_row *row)
{
	enum verdict verdict;

	history->model.event_count = 0;
	verdict = do_naively(&history->model, command);
	expect_that((row->outcome == OUTCOME_HANDLED) == (verdict == ACCEPTED),
		    "m-%d: %s, but the model says %s", entry->number, outcome_name(row->outcome),
		    verdict_reason(verdict));
	for (int i = 0; i < history->model.event_count; i++)
		check_event(history, &history->model.events[i], entry->id);
}

/* ---- processes: an event that becomes a command for each line of its order ---- */

/* Returns NULL if the row is not that of a process' command.  The rows of processes that ended are kept. */
static const struct process_row *process_of(const struct inbox_row *row)
{
	if (strncmp(row->key, PROCESS_SOURCE, strlen(PROCESS_SOURCE)) != 0)
		return NULL;
	return world->database->processes[atoi(row->key + strlen(PROCESS_SOURCE)) - 1];
}

static const char *order_of(const struct entry *event)
{
	struct envelope envelope;

	ledger_read(event, &envelope);
	return message_text(&envelope.message, "orderid");
}

/* The key of an event's part: ID on STREAM of LENGTH, see delivery.h. */
#define ON " on "
#define OF " of "

/* The stream whose SKUs the process is for; -1: for all SKUs. */
static int stream_of(const struct process_row *process, const struct entry *event)
{
	const char *on = strstr(process->inbox.id, ON), *name = on ? on + strlen(ON) : NULL;

	if (!is_on_divided_stream(event))
		return -1;
	return name ? stream_named(name, (size_t)(strstr(name, OF) - name))
		    : RANGE - 1 - event->stream; /* the last of two */
}

static bool is_for(const struct process_row *process, const struct entry *event, const char *sku)
{
	int stream = stream_of(process, event);

	return stream < 0 || stream == stream_of_sku(sku);
}

static bool has_line(const struct process_row *process, const char *sku, int32_t qty)
{
	for (size_t i = 0; i < process->line_count; i++) {
		if (process->lines[i].qty == qty && !strcmp(process->lines[i].sku, sku))
			return true;
	}
	return false;
}

/* The process has every line that its order has when it begins. */
static void check_begin(struct replay_run *run, const struct process_row *process)
{
	const struct entry *event = ledger_entry(run->ledger, process->inbox.id);
	const char *orderid = order_of(event);

	for (struct history *it = run->first; it; it = it->next) {
		for (int i = 0; i < it->model.flat.line_count; i++) {
			const struct flat_line *line = &it->model.flat.lines[i];

			expect_that(strcmp(line->orderid, orderid) || has_line(process, it->sku, line->qty),
				    "m-%d does not cancel the line of %s", event->number, it->sku);
		}
	}
}

static void check_begins(struct replay_run *run)
{
	for (size_t i = 0; i < world->database->process_count; i++) {
		if (world->database->processes[i]->began_after == run->position)
			check_begin(run, world->database->processes[i]);
	}
}

/*
 * A line is cancelled, too, which an allocate that came before the event on its way in allocates after the
 * process began.
 */
static void check_pending(const struct replay_run *run, const struct entry *allocate,
			  const struct envelope *command)
{
	const char *orderid = message_text(&command->message, "orderid");
	const char *sku = message_text(&command->message, "sku");
	int32_t qty = (int32_t)message_number(&command->message, "qty");

	for (size_t i = 0; i < world->database->process_count; i++) {
		const struct process_row *process = world->database->processes[i];
		const struct entry *event = ledger_entry(run->ledger, process->inbox.id);

		if (process->began_after > run->position || !event_sees(event, allocate) ||
		    !is_for(process, event, sku) || strcmp(order_of(event), orderid) != 0)
			continue;
		expect_that(has_line(process, sku, qty), "m-%d does not cancel the line of m-%d",
			    event->number, allocate->number);
	}
}

/* A process' command is that of a line of its process, and precedes the end of its event. */
static void replay_part(struct replay_run *run, const struct process_row *process,
			const struct inbox_row *row)
{
	struct entry *event = ledger_entry(run->ledger, process->inbox.id);
	size_t number = (size_t)atoi(row->id) - 1;
	struct envelope command = {.occurred_at = NO_INSTANT};
	struct history *history;

	expect_that(!event->recorded || event->again, "m-%d ended before its last command", event->number);
	expect_that(number < process->line_count, "m-%d has no line %zu", event->number, number + 1);
	run->parts[process->key - 1]++;
	message_init(&command.message, MSG_DEALLOCATE);
	command.message.as.deallocate.orderid = order_of(event);
	command.message.as.deallocate.sku = process->lines[number].sku;
	command.message.as.deallocate.qty = process->lines[number].qty;
	history = history_of(run, process->lines[number].sku);
	if (row->outcome != OUTCOME_SKIPPED ||
	    !order_may_precede_sku(&history->order, run->ledger, event, &command.message, row))
		replay_command(history, event, &command, row);
	if (!process->takeovers)
		order_check(&history->order, event);
}

static size_t lines_for(const struct process_row *process, const struct entry *event)
{
	size_t count = 0;

	for (size_t i = 0; i < process->line_count; i++)
		count += is_for(process, event, process->lines[i].sku);
	return count;
}

/* A process whose event its stream has lost is taken over for the SKUs of all streams. */
static bool is_complete(const struct process_row *process, const struct entry *event, size_t parts)
{
	return event->again || parts == lines_for(process, event) ||
	       (event->may_be_missing && parts == process->line_count);
}

static bool is_whole(const struct inbox_row *row)
{
	return !strstr(row->id, ON);
}

/*
 * An event has one process, or one on each stream that divides the SKUs, and ends when each line of it was
 * released.  An event that came twice may have begun its way over the streams on two of them.
 */
static void replay_end(const struct replay_run *run, const struct entry *event, const struct inbox_row *row)
{
	int count = 0, expected = is_whole(row) && is_on_divided_stream(event) ? RANGE : 1;

	expect_that(row->outcome == OUTCOME_HANDLED, "m-%d: %s", event->number, outcome_name(row->outcome));
	for (size_t i = 0; i < world->database->process_count; i++) {
		const struct process_row *process = world->database->processes[i];

		if (ledger_entry(run->ledger, process->inbox.id) != event ||
		    (!is_whole(row) && strcmp(process->inbox.id, row->id) != 0))
			continue;
		expect_that(is_complete(process, event, run->parts[i]),
			    "m-%d ended after %zu commands for %zu lines", event->number, run->parts[i],
			    lines_for(process, event));
		count++;
	}
	expect_that(event->again || count == expected, "m-%d began %d processes", event->number, count);
}

/* ---- one row of the inbox after the other ---- */

static void replay(struct replay_run *run, const struct inbox_row *row)
{
	const struct process_row *process = process_of(row);
	struct history *history;
	struct envelope command;
	struct entry *entry;

	if (!strcmp(row->message, PUBSUB_KEY)) /* see replay_anonymous() */
		return;
	if (process) {
		replay_part(run, process, row);
		return;
	}
	entry = ledger_spender(run->ledger, row->id, row->digest);
	/* Two copies may be on their way over the streams at once: a part of one ends behind the other. */
	expect_that(!entry->recorded || (entry->again && !is_whole(row)), "m-%d was spent twice",
		    entry->number);
	entry->recorded |= is_whole(row);
	if (entry->type == MSG_ORDER_CANCELLED) {
		replay_end(run, entry, row);
		return;
	}
	ledger_read(entry, &command);
	history = history_of(run, ledger_sku(&command));
	if (history->order.created_at == SIZE_MAX)
		history->order.created_at = run->position;
	replay_command(history, entry, &command, row);
	order_check(&history->order, entry);
	if (entry->type == MSG_ALLOCATE)
		check_pending(run, entry, &command);
}

static void replay_inbox(struct replay_run *run)
{
	const struct database *database = world->database;

	run->parts = arena_alloc(world->arena, (database->process_count + 1) * sizeof *run->parts);
	for (; run->position < database->inbox_count; run->position++) {
		check_begins(run);
		replay(run, database->inbox_list[run->position]);
	}
}

/* ---- orders without ids: each event is of one of them ---- */

static bool is_anonymous(const char *sku)
{
	return !strncmp(sku, ANONYMOUS_SKU, strlen(ANONYMOUS_SKU));
}

static void replay_anonymous(struct replay_run *run, struct history *history)
{
	for (; history->seen < history->count; history->seen++) {
		const struct outgoing *event = &history->events[history->seen];
		struct envelope envelope;
		struct entry *entry;

		read_event(event, &envelope);
		entry = ledger_entry(run->ledger, message_text(&envelope.message, "orderid"));
		expect_that(!entry->recorded || may_be_repeated(entry), "m-%d was handled twice",
			    entry->number);
		entry->recorded = true;
		order_check(&history->order, entry);
	}
}

/* ---- the stored state is the result of the commands ---- */

static void flatten(const struct product_row *product, struct flat *flat)
{
	memset(flat, 0, sizeof *flat);
	flat->version = product->version;
	flat->revision = product->revision;
	for (const struct batch_row *row = product->batches; row; row = row->next)
		flat_add_batch(flat, (struct flat_batch){row->reference, row->eta, row->original_qty,
							 row->purchased, row->changed_at});
	for (const struct line_row *row = product->lines; row; row = row->next) {
		if (row->batchref || row->displaced)
			flat_add_line(flat, (struct flat_line){row->orderid, row->qty, row->batchref,
							       row->version});
	}
}

static void check_product(struct replay_run *run, const struct product_row *product)
{
	struct history *history = history_of(run, product->sku);
	struct flat *kept = arena_alloc(world->arena, sizeof *kept);
	const char *difference;

	if (is_anonymous(product->sku)) {
		replay_anonymous(run, history);
		return;
	}
	expect_that(history->seen == history->count, "%s: events that no command caused", product->sku);
	expect_that(!product->shrink.batchref, "%s: its shrink never ended", product->sku);
	flatten(product, kept);
	history->model.flat.revision = kept->revision; /* the model does not count revisions */
	difference = flat_difference(&history->model.flat, kept);
	expect_that(!difference, "%s: %s", product->sku, difference ? difference : "");
}

/* ---- the published events are those of the outbox, in order ---- */

static bool is_in_outbox(const struct history *history, size_t version, const struct outgoing *event)
{
	const struct outgoing *stored = version <= history->count ? &history->events[version - 1] : NULL;

	return stored && event->payload.size == stored->payload.size &&
	       !memcmp(event->payload.data, stored->payload.data, event->payload.size);
}

/* A restore has undone the event, or it has got another epoch. */
static void check_superseded(const struct replay_run *run, const struct outgoing *event, bool once)
{
	const char *text = arena_text(world->arena, event->payload.data, event->payload.size);
	bool *was_published = map_get(&run->ledger->superseded, text);

	expect_that(was_published, "an event is not what is in the outbox: %s", text);
	expect_that(!once || !*was_published, "an event was published twice: %s", text);
	*was_published = true;
}

static void check_publications(struct replay_run *run, bool once)
{
	for (size_t i = 0; i < memory_broker_count(world->broker); i++) {
		const struct outgoing *event = memory_broker_event(world->broker, i);
		struct history *history;
		struct envelope envelope;
		size_t version;

		read_event(event, &envelope);
		if (event->type == MSG_COMMAND_REJECTED)
			continue;
		history = history_of(run, message_text(&envelope.message, "sku"));
		version = (size_t)message_number(&envelope.message, "version");
		if (!is_in_outbox(history, version, event)) {
			check_superseded(run, event, once);
			continue;
		}
		expect_that(version <= history->seen + 1, "%s: version %zu was published before %zu",
			    history->sku, version, history->seen + 1);
		expect_that(!once || version > history->seen, "%s: version %zu was published twice",
			    history->sku, version);
		if (version > history->seen)
			history->seen = version;
	}
}

static void check_all_published(struct replay_run *run, const struct product_row *product)
{
	const struct history *history = history_of(run, product->sku);

	expect_that(history->seen == history->count, "%s: version %zu was never published", product->sku,
		    history->seen + 1);
}

/* ---- publishers hear of dead letters, each once ---- */

static size_t count_rejections(const struct outgoing *events, size_t count)
{
	size_t rejections = 0;

	for (size_t i = 0; i < count; i++)
		rejections += events[i].type == MSG_COMMAND_REJECTED;
	return rejections;
}

static size_t rejections_in_outbox(void)
{
	const struct outbox_partition *partition = &world->database->outbox[0];
	struct outgoing *events = NULL;
	size_t count = 0;

	for (size_t i = 0; i < partition->count; i++) {
		if (!partition->rows[i].part_count)
			expect_that(
				outbox_frame_decode(world->arena, partition->rows[i].frame, &events, &count),
				"a row of rejections cannot be read");
	}
	ck_assert_uint_eq(count_rejections(events, count), count);
	return count;
}

static void check_rejections(bool once)
{
	size_t stored = rejections_in_outbox(), published = 0;

	for (size_t i = 0; i < memory_broker_count(world->broker); i++)
		published += count_rejections(memory_broker_event(world->broker, i), 1);
	ck_assert_uint_eq(stored, (size_t)world->database->dead_letters_ever);
	if (once)
		ck_assert_uint_eq(published, stored);
	else
		ck_assert_uint_ge(published, stored);
}

void ledger_check(struct ledger *ledger, const struct chaos *chaos)
{
	const struct database *database = world->database;
	const char *fault = database_fault(database, world->arena);
	struct replay_run run = {.ledger = ledger};

	expect_that(!fault, "%s", fault);
	map_init(&run.histories, world->arena);
	replay_inbox(&run);
	for (size_t i = 0; i < database->product_count; i++)
		check_product(&run, database->product_list[i]);
	for (int i = 0; i < ledger->count; i++)
		ledger_check_answers(ledger->entries[i]);
	for (size_t i = 0; i < database->product_count; i++)
		history_of(&run, database->product_list[i]->sku)->seen = 0;
	check_publications(&run, chaos->broker_keeps);
	check_rejections(chaos->broker_keeps && !ledger->superseded.count);
	for (size_t i = 0; i < database->product_count; i++)
		check_all_published(&run, database->product_list[i]);
	ck_assert_uint_eq(database_notification_count(database), 0);
	ck_assert_uint_eq(database_process_count(database), 0);
}
