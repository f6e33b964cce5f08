/*
 * Writes messages that were not handled, and the outcome of operators' replays of earlier ones.
 *
 * Replayed rows are locked first.  Any change of the number of dead letters locks their totals until the
 * commit, and a session that holds the totals must not wait for a row whose holder wants the totals.
 */
#include "adapters/postgres/store/flush.h"
#include "core/base/utf8.h"

/* Texts of a bad message may be malformed, so they are repaired; only the payload is stored as it is. */
static void array_untrusted(struct param *array, const char *text)
{
	array_text(array, text ? utf8_repaired(array->arena, text) : NULL);
}

/* ---- replayed ones ---- */

static int by_dead_letter(const void *left, const void *right)
{
	const struct delivery *const *a = left, *const *b = right;
	int64_t one = (*a)->replay->dead_letter, other = (*b)->replay->dead_letter;

	return (one > other) - (one < other);
}

static void check_replays(struct flush *flush, struct delivery **replayed)
{
	struct query *query = query_pipeline_add(flush->pipeline, CHECK_REPLAYS);
	struct param *keys = query_array(query, ARRAY_INT8), *attempts = query_array(query, ARRAY_INT4);

	for (size_t i = 0; i < flush->uow->replayed_count; i++) {
		array_int8(keys, replayed[i]->replay->dead_letter);
		array_int4(attempts, replayed[i]->replay->attempts);
	}
	query_int8(query, keys->count);
}

static void insert_replays(struct flush *flush, struct delivery **replayed)
{
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_REPLAYS);
	struct param *keys = query_array(query, ARRAY_INT8), *attempts = query_array(query, ARRAY_INT4),
		     *whos = query_array(query, ARRAY_TEXT), *edits = query_array(query, ARRAY_TEXT),
		     *outcomes = query_array(query, ARRAY_TEXT), *reasons = query_array(query, ARRAY_TEXT),
		     *messages = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < flush->uow->replayed_count; i++) {
		const struct replay *replay = replayed[i]->replay;

		array_int8(keys, replay->dead_letter);
		array_int4(attempts, replay->attempts + 1);
		array_untrusted(whos, replay->who);
		array_untrusted(edits, replay->edits);
		array_text(outcomes, outcome_name(replayed[i]->outcome));
		array_untrusted(reasons, replayed[i]->reason);
		array_text(messages, message_name(replayed[i]->type));
		array_untrusted(ids, replayed[i]->envelope.id);
	}
}

static void update_replayed(struct flush *flush, struct delivery **replayed)
{
	struct query *delete = query_pipeline_add(flush->pipeline, DELETE_DEAD_LETTERS),
		     *update = query_pipeline_add(flush->pipeline, UPDATE_DEAD_LETTERS);
	struct param *done = query_array(delete, ARRAY_INT8), *dead = query_array(update, ARRAY_INT8),
		     *outcomes = query_array(update, ARRAY_TEXT), *reasons = query_array(update, ARRAY_TEXT);

	for (size_t i = 0; i < flush->uow->replayed_count; i++) {
		if (outcome_is_done(replayed[i]->outcome)) {
			array_int8(done, replayed[i]->replay->dead_letter);
			continue;
		}
		array_int8(dead, replayed[i]->replay->dead_letter);
		array_text(outcomes, outcome_name(replayed[i]->outcome));
		array_untrusted(reasons, replayed[i]->reason);
	}
}

/* ---- new ones ---- */

static void insert_dead_letters(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_DEAD_LETTERS);
	struct param *outcomes = query_array(query, ARRAY_TEXT), *reasons = query_array(query, ARRAY_TEXT),
		     *ways = query_array(query, ARRAY_TEXT), *places = query_array(query, ARRAY_TEXT),
		     *incarnations = query_array(query, ARRAY_INT8),
		     *entries = query_array(query, ARRAY_TEXT), *messages = query_array(query, ARRAY_TEXT),
		     *sources = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT),
		     *payloads = query_array(query, ARRAY_BYTEA), *sizes = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < uow->dead_count; i++) {
		const struct delivery *dead = uow->dead[i];

		array_text(outcomes, outcome_name(dead->outcome));
		array_untrusted(reasons, dead->reason);
		array_text(ways, transport_name(dead->transport));
		array_untrusted(places, dead->first.origin);
		array_int8(incarnations, dead->first.incarnation);
		array_untrusted(entries, dead->first.entry_id);
		array_text(messages, message_name(dead->type));
		array_untrusted(sources, dead->envelope.source ? dead->envelope.source : "");
		array_untrusted(ids, dead->envelope.id);
		array_bytes(payloads, dead->payload);
		array_int8(sizes, (int64_t)dead->payload_size);
	}
	query_int8(query, unit_of_work_new_letters(uow));
}

void flush_dead_letters(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct delivery **replayed = flush_sorted(flush, uow->replayed, uow->replayed_count, by_dead_letter);

	if (uow->replayed_count) {
		check_replays(flush, replayed);
		insert_replays(flush, replayed);
	}
	if (uow->dead_count)
		insert_dead_letters(flush);
	if (uow->replayed_count)
		update_replayed(flush, replayed);
	if (uow->dead_count)
		query_int8(query_pipeline_add(flush->pipeline, TRIM_DEAD_LETTERS),
			   flush->store->dead_letters_max);
}
