/* `allocd dead-letters export`: prints dead letters as commands that `allocd publish` takes. */
#include "adapters/codec/codec.h"
#include "core/base/must.h"
#include "core/message.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_call.h"

#include <inttypes.h>

struct exporting {
	int64_t exported, left_out;
};

/* An entry of a stream may have its id beside the payload, which would be lost. */
static void set_id(json_t *payload, const struct dead_letter *letter)
{
	if (letter->message_id && json_is_object(payload) && !json_object_get(payload, "specversion") &&
	    !json_string_value(json_object_get(payload, "id")))
		json_object_set_new(payload, "id", must(json_string(letter->message_id)));
}

/* The payload as JSON; NULL, with the reason in *error: it is not exported. */
static json_t *payload_of(const struct dead_letter *letter, struct arena *arena, const char **error)
{
	json_error_t trouble;
	const char *line;
	json_t *payload;

	*error = "it is no command";
	if (!message_is_command(message_type_named(letter->message)))
		return NULL;
	*error = "only the beginning of its payload was kept";
	if (letter->payload_bytes > (int64_t)letter->payload.size ||
	    !codec_payload_to_line(letter->payload, arena, &line, error))
		return NULL;
	payload = json_loads(line, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &trouble);
	if (!payload)
		*error = arena_printf(arena, "payload: %s", trouble.text);
	return payload;
}

static bool export_letter(struct dead_letter_call *call, const struct dead_letter *letter,
			  struct arena *arena)
{
	const char *error;
	json_t *payload = payload_of(letter, arena, &error);

	if (!payload) {
		dead_letter_call_report(call, STATUS_FAILED, "%" PRId64 " is left out: %s", letter->id,
					error);
		return false;
	}
	set_id(payload, letter);
	json_line_print(must(json_pack("{s:s, s:o, s:{s:I, s:s, s:s}}", "type", letter->message, "data",
				       payload, "dead_letter", "id", (json_int_t)letter->id, "outcome",
				       letter->outcome, "reason", letter->reason)),
			stdout);
	return true;
}

static enum exit_status export_page(struct dead_letter_call *call, const struct dead_letter_page *page,
				    void *context)
{
	struct exporting *exporting = context;

	for (size_t i = 0; i < page->count; i++) {
		if (export_letter(call, &page->letters[i], page->arena))
			exporting->exported++;
		else
			exporting->left_out++;
	}
	return STATUS_DONE;
}

static enum exit_status export_all(struct dead_letter_call *call)
{
	struct exporting exporting = {0};
	enum exit_status status = dead_letter_call_for_each_page(call, true, export_page, &exporting);

	if (exporting.left_out)
		dead_letter_call_report(call, status, "%" PRId64 " exported, %" PRId64 " left out",
					exporting.exported, exporting.left_out);
	return status == STATUS_DONE && exporting.left_out ? STATUS_FAILED : status;
}

enum exit_status command_dead_letters_export(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, false, export_all);
}
