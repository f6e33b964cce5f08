/* Discards dead letters, and restores them. */
#include "entrypoints/http_admin/admin_arguments.h"
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "bus/ports/logger.h"

#include <event2/buffer.h>
#include <jansson.h>

/* A command that changes letters may take this long. */
#define CHANGE_MS 30000

static const struct http_refusal late_change = {
	503, PROBLEM_LATE, "Perhaps done: the command has not ended yet; look before you repeat it"};

const char *admin_operator_of(const struct http_call *call, struct arena *arena)
{
	return admin_operator(request_header(call, "X-Operator"), request_address(call), arena);
}

static bool add_operator(struct admin_arguments *arguments, const struct http_call *call)
{
	const char *name = admin_operator_of(call, arguments->arena);

	return name ? admin_arguments_add(arguments, admin_changes, "", "operator", name)
		    : admin_arguments_refuse(arguments, OPERATOR_EXPECTED);
}

bool admin_change_read(struct admin_arguments *arguments, const struct http_call *call, unsigned members)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
	size_t size = evbuffer_get_length(body);

	return admin_body_read(arguments, (struct bytes){evbuffer_pullup(body, -1), size}, members) &&
	       add_operator(arguments, call);
}

/* Discards or restores letters. */
struct change {
	const char *verb, *done;
	const char *message; /* of the log */
	unsigned members;
};

/* A change that was asked for, and by whom. */
struct asked {
	const struct change *change;
	const char *who;
};

/* NULL: the command has written no line. */
static json_t *line_of(const struct admin_output *output)
{
	return output->lines == 1 ? json_loadb(output->text, output->size, 0, NULL) : NULL;
}

static void log_change(struct logger *logger, const struct admin_result *result, void *context)
{
	const struct asked *asked = context;
	const struct child_end *end = &result->end;
	json_t *line = line_of(&result->output);
	struct http_refusal refusal = admin_refusal_of(end, true);

	if (!json_object_get(line, "expected"))
		LOG(logger, LOG_INFO, asked->change->message, LOG_TEXT("who", asked->who),
		    LOG_NUMBER("count", json_integer_value(json_object_get(line, asked->change->done))),
		    LOG_TEXT("error", child_ended_regularly(end) ? "" : refusal.message));
	json_decref(line);
}

static void reply_change(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	json_t *line = line_of(output);

	(void)context;
	if (admin_reply_count_changed(call, line)) {
		/* answered */
	} else if (line && child_ended_regularly(&result->end)) {
		reply_text(call, 200, "application/json", output->text, output->size);
	} else {
		admin_reply_failed_change(call, &result->end, line);
	}
	json_decref(line);
}

static void serve_change(struct http_api *api, const struct http_call *call, const struct change *change)
{
	struct exchange *exchange = exchange_new_for(api, call, &late_change, CHANGE_MS + 500);
	struct admin_arguments arguments = {.arena = exchange->arena};
	struct asked *asked = arena_alloc(exchange->arena, sizeof *asked);

	if (!admin_change_read(&arguments, call, change->members)) {
		exchange_refuse(exchange, arguments.error);
		return;
	}
	*asked = (struct asked){change, admin_arguments_value(&arguments, "operator")};
	admin_write(exchange,
		    admin_arguments_words(&arguments, (const char *const[]){"dead-letters", change->verb,
									    ADMIN_COMMON, "--yes", NULL}),
		    CHANGE_MS, reply_change, log_change, asked);
}

void serve_discards(struct http_api *api, const struct http_call *call)
{
	static const struct change discards = {"discard", "discarded", "an operator discarded dead letters",
					       NEEDS_EXPECTED_COUNT | TAKES_NOTE};

	serve_change(api, call, &discards);
}

void serve_restores(struct http_api *api, const struct http_call *call)
{
	static const struct change restores = {"restore", "restored", "an operator restored dead letters",
					       TAKES_EXPECTED_COUNT | TAKES_NOTE};

	serve_change(api, call, &restores);
}
