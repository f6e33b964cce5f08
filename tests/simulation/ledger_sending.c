/* Records what is sent, and sends it. */
#include "simulation/ledger.h"
#include "simulation/schedule.h"

#include <string.h>

static struct entry *add(struct ledger *ledger, enum transport transport, enum message_type type)
{
	struct entry *entry = arena_alloc(world->arena, sizeof *entry);

	entry->number = ledger->count;
	entry->transport = transport;
	entry->type = type;
	ledger->entries =
		arena_grow(world->arena, ledger->entries, (size_t)ledger->count, sizeof *ledger->entries);
	ledger->entries[ledger->count++] = entry;
	return entry;
}

struct entry *ledger_add(struct ledger *ledger, enum transport transport, enum message_type type,
			 const char *fields)
{
	struct entry *entry = add(ledger, transport, type);

	entry->payload = arena_printf(world->arena, "%s\nid=m-%d", fields, entry->number);
	return entry;
}

struct entry *ledger_add_anonymous(struct ledger *ledger, const char *sku)
{
	struct entry *entry = add(ledger, TRANSPORT_PUBSUB, MSG_ALLOCATE);

	entry->is_anonymous = true;
	entry->payload = arena_printf(world->arena, "orderid=m-%d\nsku=%s\nqty=1000", entry->number, sku);
	return entry;
}

void ledger_read(const struct entry *entry, struct envelope *command)
{
	struct bytes payload = {entry->payload, strlen(entry->payload)};
	const char *error;

	expect_that(memory_codec_read(entry->type, payload, world->arena, command, &error), "%s", error);
}

/* Whether its SKU and its batch, if it names any, are there, and it is not dated from the future. */
static bool is_acceptable(const struct entry *entry)
{
	struct envelope command;
	const char *sku, *batchref;

	ledger_read(entry, &command);
	sku = message_text(&command.message, "sku");
	batchref = message_text(&command.message, "batchref");
	return (!sku || database_product(world->database, sku)) &&
	       (!batchref || database_batch(world->database, batchref)) &&
	       command.occurred_at <= database_now(world->database);
}

static void count_send(struct entry *entry)
{
	if (!entry->sends++)
		entry->was_acceptable = is_acceptable(entry);
}

void ledger_deliver(struct entry *entry, int worker)
{
	count_send(entry);
	story("worker %d receives over HTTP %s %s", worker, message_name(entry->type),
	      in_one_line(entry->payload));
	entry->sent[worker] =
		world_send(replicas[worker].world, entry->transport, entry->type, "%s", entry->payload);
}

void ledger_append(struct entry *entry, int stream)
{
	size_t size = strlen(entry->payload);

	count_send(entry);
	story("stream %d receives %s %s", stream, message_name(entry->type), in_one_line(entry->payload));
	entry->stream = stream;
	memory_stream_add(shared_streams[stream], &(struct stream_entry){.type = entry->type,
									 .payload = {entry->payload, size},
									 .payload_size = size});
}

void ledger_publish(struct entry *entry)
{
	count_send(entry);
	story("pub/sub receives %s %s", message_name(entry->type), in_one_line(entry->payload));
	entry->broadcasts = arena_grow(world->arena, entry->broadcasts, (size_t)entry->broadcast_count,
				       sizeof(struct broadcast *));
	entry->broadcasts[entry->broadcast_count++] =
		pubsub_publish(&shared_pubsub, entry->type, entry->payload);
}

bool ledger_is_answered(const struct entry *entry, int worker)
{
	return !entry->sent[worker] || entry->sent[worker]->answers;
}
