/* The edits of a replay, and the arrival once they are applied. */
#include "entrypoints/replay/replay_arrival.h"

#include "adapters/codec/codec.h"
#include "entrypoints/cli/options.h"

#include <string.h>

/* ---- edits ---- */

void replay_edits_read(struct replay_edits *edits, const struct invocation *invocation)
{
	const char *text;

	*edits = (struct replay_edits){.joined = ""};
	for (; (text = invocation_option_at(invocation, "edit", edits->count)); edits->count++) {
		edits->texts =
			arena_grow(invocation->arena, edits->texts, edits->count, sizeof *edits->texts);
		edits->texts[edits->count] = text;
		edits->joined = arena_printf(invocation->arena, "%s%s%s", edits->joined,
					     edits->count ? " " : "", text);
	}
}

enum exit_status replay_edits_check(const struct replay_edits *edits, const struct dead_letter_call *call,
				    const struct dead_letter_census *census)
{
	const char *error;

	for (size_t i = 0; edits->count && i < census->kind_count; i++) {
		enum message_type type = message_type_named(census->kinds[i].message);

		if (type == MSG_NONE || strcmp(census->kinds[i].transport, TRANSPORT_NAME_MAIL) == 0)
			return dead_letter_call_report(call, STATUS_USAGE,
						       "--edit: among those that match are some of %s, "
						       "which have no fields: see --message",
						       type == MSG_NONE ? "no known message" : "mail");
		if (!codec_edits_check(type, edits->texts, edits->count, call->invocation->arena, &error))
			return dead_letter_call_report(call, STATUS_USAGE, "--edit: %s", error);
	}
	return STATUS_DONE;
}

bool replay_edits_apply(const struct replay_edits *edits, const struct dead_letter *letter,
			struct arena *arena, struct bytes *payload, const char **error)
{
	*payload = letter->payload;
	return !edits->count || codec_payload_edit(message_type_named(letter->message), letter->payload,
						   edits->texts, edits->count, arena, payload, error);
}

/* ---- the arrival ---- */

static enum transport transport_of(const struct dead_letter *letter)
{
	return strcmp(letter->transport, transport_name(TRANSPORT_STREAM)) == 0 ? TRANSPORT_STREAM
										: TRANSPORT_PUBSUB;
}

/* The id of the letter's stream entry outside the payload; NULL when an edit removes or replaces it. */
static const char *entry_own_id(const struct dead_letter *letter, const struct replay_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		if (strncmp(edits->texts[i], "id=", strlen("id=")) == 0)
			return NULL;
	}
	return letter->message_id;
}

/*
 * Why the message is invalid regardless of its payload: its type is unknown, or its stream entry was
 * malformed and there is no edit.  NULL: the payload decides.
 */
static const char *defect_of(const struct dead_letter *letter, const struct replay_edits *edits,
			     enum message_type type)
{
	static const char *const of_entries[] = {"type: ", "data: ", "id: ", "fields: "};

	if (type == MSG_NONE)
		return letter->reason;
	if (transport_of(letter) != TRANSPORT_STREAM ||
	    strcmp(letter->outcome, outcome_name(OUTCOME_INVALID)) != 0 || edits->count)
		return NULL;
	for (size_t i = 0; i < sizeof of_entries / sizeof of_entries[0]; i++) {
		if (strncmp(letter->reason, of_entries[i], strlen(of_entries[i])) == 0)
			return letter->reason;
	}
	return NULL;
}

struct arrival replay_arrival(const struct dead_letter *letter, const struct replay_edits *edits,
			      struct bytes payload)
{
	enum message_type type = message_type_named(letter->message);
	bool is_cut = letter->payload_bytes > (int64_t)letter->payload.size;

	return (struct arrival){
		.transport = transport_of(letter),
		.origin = letter->origin,
		.entry_id = letter->entry_id,
		.incarnation = letter->incarnation,
		.id = transport_of(letter) == TRANSPORT_STREAM ? entry_own_id(letter, edits) : NULL,
		.type = type,
		.defect = defect_of(letter, edits, type),
		.payload = payload,
		.payload_size = is_cut ? (size_t)letter->payload_bytes : payload.size,
	};
}
