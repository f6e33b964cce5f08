/* Decodes messages as they arrive, gives them outcomes, and queues them. */
#include "bus/messages/delivery.h"

#include "bus/base/stream_id.h"
#include "bus/leases/lease.h"
#include "bus/messages/message_bus.h"
#include "bus/messages/raised_events.h"
#include "bus/tracing/traceparent.h"
#include "core/base/calendar.h"
#include "core/base/decimal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a typical delivery and of what is derived from it, besides twice its payload. */
#define DELIVERY_OVERHEAD (sizeof(struct delivery) + 256)

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_NONE] = "none",         [OUTCOME_HANDLED] = "handled",
		[OUTCOME_SKIPPED] = "skipped",   [OUTCOME_POSTPONED] = "postponed",
		[OUTCOME_REJECTED] = "rejected", [OUTCOME_INVALID] = "invalid",
		[OUTCOME_FAILED] = "failed",     [OUTCOME_FORWARDED] = "forwarded",
	};

	return names[outcome];
}

bool outcome_is_done(enum outcome outcome)
{
	return outcome == OUTCOME_HANDLED || outcome == OUTCOME_SKIPPED;
}

const char *transport_name(enum transport transport)
{
	static const char *const names[] = {
		[TRANSPORT_PUBSUB] = "pubsub",
		[TRANSPORT_STREAM] = "stream",
		[TRANSPORT_HTTP] = "http",
		[TRANSPORT_PROCESS] = "process",
	};

	return names[transport];
}

/* A source is a URI, which contains no spaces: replaces them by %20. */
static const char *source_without_spaces(struct arena *arena, const char *source)
{
	char *copy, *end;

	if (!strchr(source, ' '))
		return source;
	copy = end = arena_alloc(arena, 3 * strlen(source) + 1);
	for (; *source; source++) {
		if (*source == ' ')
			end = mempcpy(end, "%20", 3);
		else
			*end++ = *source;
	}
	*end = '\0';
	return copy;
}

/* No UTF-8 text contains the byte 0xff, so different keys have different texts. */
static const char *key_text(struct arena *arena, const struct inbox_key *key)
{
	return arena_join(arena, (const char *[]){key->source, key->id}, 2, '\xff');
}

void delivery_set_key(struct delivery *delivery, const struct inbox_key *key)
{
	struct arena *arena = delivery->arena;

	delivery->inbox = (struct inbox_key){arena_strdup(arena, key->message),
					     arena_strdup(arena, key->source), arena_strdup(arena, key->id)};
	delivery->inbox_key = key_text(arena, key);
}

/* Whether a journey that began on the stream of that name may have come to this place; sets its beginning. */
static bool may_be_journey(const struct stream_route *route, struct stream_journey *journey, const char *name)
{
	const struct stream_list *list = route->list;
	size_t first = list->range_first;

	if (journey->length < 2 || journey->length > list->range_count ||
	    route->place >= list->range_first + journey->length || !journey->visited ||
	    journey->visited >= journey->length)
		return false;
	while (first < list->range_first + journey->length && strcmp(list->names[first], name) != 0)
		first++;
	journey->first = first;
	return first < list->range_first + journey->length;
}

/* Reads what delivery_origin() wrote.  A publisher's field of that name says something else. */
static void read_first(struct delivery *delivery, const char *origin)
{
	char id[STREAM_ID_TEXT];
	struct stream_id parsed;
	struct stream_journey journey;
	long long incarnation;
	int end = 0;

	if (!origin ||
	    sscanf(origin, "%2zu/%2zu %41[0-9-] %18lld %n", &journey.visited, &journey.length, id,
		   &incarnation, &end) != 4 ||
	    !end || !strchr(id, '-') || !stream_id_parse(id, &parsed) ||
	    !may_be_journey(delivery->route, &journey, origin + end))
		return;
	delivery->journey = journey;
	delivery->published_us = stream_id_instant(parsed);
	delivery->first = (struct entry_place){arena_strdup(delivery->arena, origin + end), incarnation,
					       arena_strdup(delivery->arena, id)};
}

const char *delivery_part(const struct delivery *event)
{
	const char *id = event->inbox.id, *end;
	size_t size = strlen(" on ") + strlen(event->origin) + strlen(" of ");

	if (event->route)
		return arena_printf(event->arena, " on %s of %zu", event->origin, event->journey.length);
	if (!id || strncmp(event->inbox.source, PART_SOURCE, strlen(PART_SOURCE)) != 0)
		return "";
	end = id + strlen(id);
	while (end > id && end[-1] >= '0' && end[-1] <= '9')
		end--;
	return end - id > (ptrdiff_t)size ? end - size : "";
}

/* The stream of its first entry, and that stream's incarnation. */
static const char *stream_life(const struct delivery *delivery)
{
	const struct entry_place *first = &delivery->first;

	return arena_join(delivery->arena,
			  (const char *[]){first->origin, decimal_text(first->incarnation, delivery->arena)},
			  2, ' ');
}

static void set_own_key(struct delivery *delivery)
{
	const struct envelope *envelope = &delivery->envelope;
	struct inbox_key *key = &delivery->inbox;

	if (envelope->id)
		*key = (struct inbox_key){message_name(delivery->type),
					  source_without_spaces(delivery->arena, envelope->source),
					  envelope->id};
	else if (delivery->entry_id)
		*key = (struct inbox_key){delivery->transport == TRANSPORT_PUBSUB ? PUBSUB_KEY : ENTRY_KEY,
					  stream_life(delivery), delivery->first.entry_id};
	else
		return;
	if (delivery->is_event && delivery_has_further_streams(delivery)) {
		key->source = arena_printf(delivery->arena, PART_SOURCE "%s", key->source);
		key->id = arena_printf(delivery->arena, "%s%s", key->id, delivery_part(delivery));
	}
	delivery->inbox_key = key_text(delivery->arena, key);
}

static const struct replay *copy_replay(struct arena *arena, const struct replay *replay)
{
	struct replay *copy;

	if (!replay)
		return NULL;
	copy = arena_copy(arena, replay, sizeof *replay);
	copy->who = arena_strdup(arena, replay->who);
	copy->edits = arena_strdup(arena, replay->edits);
	return copy;
}

static void read_message(struct delivery *delivery)
{
	const struct message *message = &delivery->envelope.message;
	const struct route *route = message_bus_route(delivery->type);

	delivery->digest = message_digest(message);
	delivery->sku = message_text(message, "sku");
	delivery->batchref = message_text(message, "batchref");
	delivery->by_batch = message_descriptor(delivery->type)->key == KEY_BATCHREF;
	delivery->creates_batch = route->creates_batch;
	delivery->may_allocate = route->lines_are_new;
	delivery->is_event = route->for_each_line;
}

static void decode(struct delivery *delivery, struct codec *codec)
{
	struct envelope *envelope = &delivery->envelope;
	const char *error = NULL;

	if (!codec->ops->decode(codec, delivery->type, delivery->payload, delivery->arena, envelope,
				&error)) {
		delivery_refuse(delivery, OUTCOME_INVALID, error);
		return;
	}
	read_message(delivery);
}

/*
 * An invalid message is identified by its id, too.  It is decoded as an arbitrary command, only to read
 * its envelope.
 */
static void read_identity(struct delivery *delivery, struct codec *codec)
{
	struct envelope envelope = {.source = ""};
	const char *ignored;

	if (delivery->payload_size > delivery->payload.size)
		return;
	codec->ops->decode(codec, MSG_ALLOCATE, delivery->payload, delivery->arena, &envelope, &ignored);
	delivery->envelope.id = envelope.id;
	delivery->envelope.source = envelope.source;
	delivery->envelope.traceparent = envelope.traceparent;
}

/* A stream entry may have an id beside its payload; the id in the payload takes precedence. */
static void adopt_id(struct delivery *delivery, const char *id)
{
	if (id && !delivery->envelope.id)
		delivery->envelope.id = arena_strdup(delivery->arena, id);
}

/* So does the traceparent of its publisher, which wrote the payload before the message was sent. */
static void adopt_traceparent(struct delivery *delivery, const char *traceparent)
{
	if (traceparent && !delivery->envelope.traceparent)
		delivery->envelope.traceparent =
			traceparent_read(traceparent, strlen(traceparent), delivery->arena);
}

/* Returns why the message is invalid without reading its payload, or NULL. */
static const char *defect_of(const struct arrival *arrival)
{
	if (arrival->defect)
		return arrival->defect;
	if (!message_is_command(arrival->type))
		return "type: not a command";
	if (arrival->payload_size > PAYLOAD_MAX)
		return "payload: larger than 64 KiB";
	return NULL;
}

struct delivery *delivery_new(const struct arrival *arrival, struct codec *codec)
{
	struct arena *arena = arena_new(DELIVERY_OVERHEAD + 2 * arrival->payload.size);
	struct delivery *delivery = arena_alloc(arena, sizeof *delivery);
	const char *defect = defect_of(arrival);

	delivery->arena = arena;
	delivery->transport = arrival->transport;
	delivery->origin = arena_strdup(arena, arrival->origin);
	delivery->entry_id = arrival->entry_id ? arena_strdup(arena, arrival->entry_id) : NULL;
	delivery->incarnation = arrival->incarnation;
	delivery->published_us = arrival->added_us ? arrival->added_us : NO_INSTANT;
	delivery->lease = lease_hold(arrival->lease);
	delivery->route = arrival->route;
	delivery->first = (struct entry_place){delivery->origin, delivery->incarnation, delivery->entry_id};
	if (delivery->route) {
		delivery->journey = stream_journey_begin(delivery->route);
		read_first(delivery, arrival->first_origin);
	}
	delivery->pass = arrival->pass;
	delivery->pass_follows = arrival->pass_follows;
	delivery->replay = copy_replay(arena, arrival->replay);
	delivery->payload = (struct bytes){arena_copy(arena, arrival->payload.data, arrival->payload.size),
					   arrival->payload.size};
	delivery->payload_size = arrival->payload_size;
	delivery->answered = arrival->answered;
	delivery->context = arrival->context;
	if (arrival->wants_events)
		delivery->raised = raised_events_new(arena);
	delivery->type = arrival->type;
	delivery->envelope.source = "";
	delivery->envelope.occurred_at = NO_INSTANT;
	if (defect) {
		delivery_refuse(delivery, OUTCOME_INVALID, defect);
		read_identity(delivery, codec);
	} else {
		decode(delivery, codec);
	}
	if (delivery->envelope.occurred_at != NO_INSTANT)
		delivery->published_us = delivery->envelope.occurred_at;
	adopt_id(delivery, arrival->id);
	adopt_traceparent(delivery, arrival->traceparent);
	delivery->decided = delivery->outcome != OUTCOME_NONE;
	if (!delivery->decided && arrival->key)
		delivery_set_key(delivery, arrival->key);
	else if (!delivery->decided)
		set_own_key(delivery);
	return delivery;
}

struct delivery *delivery_new_part(struct delivery *event, const struct message *command)
{
	struct arena *arena = arena_new(DELIVERY_OVERHEAD);
	struct delivery *delivery = arena_alloc(arena, sizeof *delivery);

	delivery->arena = arena;
	delivery->transport = TRANSPORT_PROCESS;
	delivery->published_us = NO_INSTANT;
	delivery->origin = delivery->first.origin = message_name(event->type);
	delivery->type = command->type;
	delivery->envelope = (struct envelope){.message = *command, .source = "", .occurred_at = NO_INSTANT};
	delivery->event = event;
	read_message(delivery);
	return delivery;
}

struct lease *delivery_lease(const struct delivery *delivery)
{
	return delivery->event ? delivery->event->lease : delivery->lease;
}

bool delivery_lost_lease(const struct delivery *delivery)
{
	const struct lease *lease = delivery_lease(delivery);

	return lease && lease->is_lost;
}

void delivery_free(struct delivery **delivery)
{
	struct arena *arena;

	if (!*delivery)
		return;
	if ((*delivery)->raised)
		raised_events_free(&(*delivery)->raised);
	lease_release(&(*delivery)->lease);
	arena = (*delivery)->arena;
	arena_free(&arena);
	*delivery = NULL;
}

static enum outcome outcome_of(enum verdict verdict)
{
	switch (verdict) {
	case ACCEPTED:
		return OUTCOME_HANDLED;
	case SKIP_DUPLICATE:
	case SKIP_OUT_OF_DATE:
	case SKIP_NOT_ALLOCATED:
		return OUTCOME_SKIPPED;
	case REJECT_INVALID_SKU:
	case REJECT_UNKNOWN_BATCH:
	case REJECT_BATCHREF_TAKEN:
	case REJECT_ID_REUSED:
		return OUTCOME_REJECTED;
	case NEEDS_MORE: /* not an answer */
		break;
	}
	assert(false);
	return OUTCOME_NONE;
}

/* Returns the name that a rejection mentions, or NULL. */
static const char *subject_of(const struct delivery *delivery, enum verdict verdict)
{
	switch (verdict) {
	case REJECT_INVALID_SKU:
		return delivery->sku;
	case REJECT_UNKNOWN_BATCH:
	case REJECT_BATCHREF_TAKEN:
		return delivery->batchref;
	case REJECT_ID_REUSED:
		return delivery->envelope.id;
	case ACCEPTED:
	case SKIP_DUPLICATE:
	case SKIP_OUT_OF_DATE:
	case SKIP_NOT_ALLOCATED:
	case NEEDS_MORE:
		break;
	}
	return NULL;
}

void delivery_conclude(struct delivery *delivery, enum verdict verdict)
{
	const char *subject = subject_of(delivery, verdict);

	delivery->outcome = outcome_of(verdict);
	delivery->verdict = verdict;
	delivery->reason = verdict_reason(verdict);
	if (subject)
		delivery->reason = arena_printf(delivery->arena, "%s %s", delivery->reason, subject);
}

void delivery_refuse(struct delivery *delivery, enum outcome outcome, const char *reason)
{
	delivery->outcome = outcome;
	delivery->reason = arena_strdup(delivery->arena, reason);
}

void delivery_decide(struct delivery *delivery, enum outcome outcome, const char *reason)
{
	delivery_refuse(delivery, outcome, reason);
	delivery->decided = true;
}

void delivery_postpone(struct delivery *delivery)
{
	delivery->outcome = OUTCOME_POSTPONED;
	delivery->reason = delivery_lost_lease(delivery)
				   ? "another worker has taken the lease under which it came"
				   : "its SKU is held up, and messages of such SKUs fill the queue";
}

void delivery_reopen(struct delivery *delivery)
{
	if (delivery->decided)
		return;
	delivery->outcome = OUTCOME_NONE;
	delivery->cause = CAUSE_USUAL;
	delivery->reason = NULL;
	if (delivery->raised)
		raised_events_clear(delivery->raised);
}

const char *delivery_origin(const struct delivery *delivery, struct arena *arena)
{
	const struct stream_journey *journey = &delivery->journey;

	return arena_printf(arena, "%zu/%zu %s %lld %s", journey->visited + 1, journey->length,
			    delivery->first.entry_id, (long long)delivery->first.incarnation,
			    delivery->first.origin);
}

void delivery_forward(struct delivery *delivery)
{
	delivery->outcome = OUTCOME_FORWARDED;
}

bool delivery_has_further_streams(const struct delivery *delivery)
{
	return delivery->route && delivery->journey.visited + 1 < delivery->journey.length;
}

bool delivery_is_elsewhere(const struct delivery *delivery, const char *sku)
{
	const struct stream_route *route = delivery->route;

	return route && stream_journey_place(route->list, &delivery->journey, sku) != route->place;
}

bool delivery_came_too_early(const struct delivery *delivery)
{
	const struct stream_route *route = delivery->route;

	return route && delivery_is_elsewhere(delivery, delivery->sku) &&
	       stream_journey_has_left(route->list, &delivery->journey,
				       stream_journey_place(route->list, &delivery->journey, delivery->sku));
}

bool delivery_goes_on(const struct delivery *delivery)
{
	return delivery->is_event && outcome_is_done(delivery->outcome) &&
	       delivery_has_further_streams(delivery);
}

bool delivery_is_dead(const struct delivery *delivery)
{
	return (delivery->transport != TRANSPORT_HTTP || delivery->was_answered) && !delivery->replay &&
	       !delivery->is_lost &&
	       (delivery->outcome == OUTCOME_REJECTED || delivery->outcome == OUTCOME_INVALID ||
		delivery->outcome == OUTCOME_FAILED);
}

const char *delivery_key(const struct delivery *delivery)
{
	return delivery->sku ? delivery->sku : "";
}

size_t delivery_footprint(const struct delivery *delivery)
{
	return arena_footprint(delivery->arena);
}

void delivery_queue_push(struct delivery_queue *queue, struct delivery *delivery)
{
	delivery->next = NULL;
	if (queue->last)
		queue->last->next = delivery;
	else
		queue->first = delivery;
	queue->last = delivery;
	queue->count++;
}

struct delivery *delivery_queue_pop(struct delivery_queue *queue)
{
	struct delivery *delivery = queue->first;

	if (!delivery)
		return NULL;
	queue->first = delivery->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	delivery->next = NULL;
	return delivery;
}

void delivery_queue_free(struct delivery_queue *queue)
{
	for (struct delivery *delivery; (delivery = delivery_queue_pop(queue));)
		delivery_free(&delivery);
}

void delivery_queue_prepend(struct delivery_queue *queue, struct delivery_queue *front)
{
	if (!front->first)
		return;
	front->last->next = queue->first;
	if (!queue->last)
		queue->last = front->last;
	queue->first = front->first;
	queue->count += front->count;
	*front = (struct delivery_queue){0};
}

void delivery_queue_collect(struct delivery_queue *queue, const char *sku, struct delivery_queue *collected)
{
	struct delivery_queue rest = {0};
	struct delivery *delivery;

	while ((delivery = delivery_queue_pop(queue)))
		delivery_queue_push(strcmp(delivery_key(delivery), sku) ? &rest : collected, delivery);
	*queue = rest;
}
