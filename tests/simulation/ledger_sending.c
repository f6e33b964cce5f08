/* Records what is sent, and sends it. */
#include "simulation/ledger.h"
#include "simulation/schedule/schedule.h"

#include <stdlib.h>
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

	entry->id = arena_printf(world->arena, "m-%d", entry->number);
	entry->payload = arena_printf(world->arena, "%s\nid=%s", fields, entry->id);
	return entry;
}

struct entry *ledger_entry(const struct ledger *ledger, const char *id)
{
	int number = atoi(id + strlen("m-"));

	expect_that(number >= 0 && number < ledger->count, "%s is no message of this run", id);
	return ledger->entries[number];
}

void ledger_read(const struct entry *entry, struct envelope *command)
{
	struct bytes payload = {entry->payload, strlen(entry->payload)};
	const char *error;

	expect_that(memory_codec_read(entry->type, payload, world->arena, command, &error), "%s", error);
}

const char *ledger_sku(const struct envelope *command)
{
	const char *sku = message_text(&command->message, "sku");

	return sku ? sku
		   : database_owner_of_batch(world->database, message_text(&command->message, "batchref"));
}

/*
 * Whether its SKU and its batch, if it names any, are there, it is not dated from the future, and the
 * database refuses no line of its order.
 */
static bool is_acceptable(const struct entry *entry)
{
	struct envelope command;
	const char *sku, *batchref;

	ledger_read(entry, &command);
	sku = message_text(&command.message, "sku");
	batchref = message_text(&command.message, "batchref");
	return (!sku || database_product(world->database, sku)) &&
	       (!batchref || database_batch(world->database, batchref)) &&
	       command.occurred_at <= database_now(world->database) && !strstr(entry->payload, POISON);
}

static uint64_t digest_of(const struct entry *entry)
{
	struct envelope message;

	ledger_read(entry, &message);
	return message_digest(&message.message);
}

struct entry *ledger_spender(const struct ledger *ledger, const char *id, uint64_t digest)
{
	struct entry *entry = ledger_entry(ledger, id);

	while (entry->same_id && digest_of(entry) != digest)
		entry = entry->same_id;
	return entry;
}

static bool can_spend_id(const struct entry *command, bool is_acceptable)
{
	return command->id && is_acceptable && command->type != MSG_CREATE_BATCH &&
	       command->type != MSG_ORDER_CANCELLED;
}

/*
 * Two commands of one id may come into one unit of work, and then the ledger does not know where the second
 * one was handled if the first one was rejected for another reason, or left to a later unit.
 */
static bool can_share_id(const struct entry *one, const struct entry *other)
{
	struct envelope messages[2];

	if (!can_spend_id(one, is_acceptable(one)) || !can_spend_id(other, other->was_acceptable))
		return false;
	ledger_read(one, &messages[0]);
	ledger_read(other, &messages[1]);
	return !strcmp(ledger_sku(&messages[0]), ledger_sku(&messages[1]));
}

void ledger_reuse_id(const struct ledger *ledger, struct entry *command, int age)
{
	const struct entry *other = age <= command->number ? ledger->entries[command->number - age] : NULL;
	struct entry *last;
	int size;

	if (!other || !can_share_id(command, other))
		return;
	last = ledger_spender(ledger, other->id, digest_of(command));
	if (digest_of(last) == digest_of(command))
		return;
	last->same_id = command;
	command->id = other->id;
	size = (int)(strstr(command->payload, "\nid=") - command->payload);
	command->payload = arena_printf(world->arena, "%.*s\nid=%s", size, command->payload, command->id);
}

struct entry *ledger_add_anonymous(struct ledger *ledger, const char *sku)
{
	struct entry *entry = add(ledger, TRANSPORT_PUBSUB, MSG_ALLOCATE);

	entry->is_anonymous = true;
	entry->payload = arena_printf(world->arena, "orderid=m-%d\nsku=%s\nqty=1000", entry->number, sku);
	return entry;
}

static void count_send(struct entry *entry)
{
	if (entry->sends++)
		return;
	entry->was_acceptable = is_acceptable(entry);
	entry->sent_at_ms = simulation_now_ms(world->simulation);
}

void ledger_deliver(struct entry *entry, int worker)
{
	entry->is_refused[worker] = !engine_takes_commands(replicas[worker].world->engine);
	if (entry->is_refused[worker]) {
		story("worker %d answers 503 to %s", worker, message_name(entry->type));
		return;
	}
	count_send(entry);
	entry->was_abandoned |= entry->sent[worker] && !entry->sent[worker]->answers;
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
	entry->may_be_missing = false;
	memory_stream_add(shared_streams[stream], &(struct stream_entry){.type = entry->type,
									 .payload = {entry->payload, size},
									 .payload_size = size});
}

bool ledger_is_of_message(const struct inbox_row *row)
{
	return !strncmp(row->id, "m-", 2) && !strchr(row->id, ' ');
}

void ledger_lose_streams(const struct ledger *ledger)
{
	for (int i = 0; i < ledger->count; i++)
		ledger->entries[i]->may_be_missing = ledger->entries[i]->transport == TRANSPORT_STREAM;
	for (size_t i = 0; i < world->database->inbox_count; i++) {
		const struct inbox_row *row = world->database->inbox_list[i];

		if (ledger_is_of_message(row))
			ledger_spender(ledger, row->id, row->digest)->may_be_missing = false;
	}
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
