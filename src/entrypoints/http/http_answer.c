/* Answers to commands over HTTP: the status and the text for each outcome. */
#include "entrypoints/http/http_answer.h"

#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/http/command_endpoint.h"
#include "entrypoints/metrics/http_statistics.h"

#include <assert.h>
#include <ctype.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_CHARACTERS 255

static const char *location_of(const struct delivery *delivery, struct arena *arena)
{
	const struct command_endpoint *endpoint = &command_endpoints[delivery->type];
	const char *name;

	if (!endpoint->location_path)
		return NULL;
	name = message_text(&delivery->envelope.message, endpoint->location_field);
	return arena_printf(arena, "%s%s", endpoint->location_path, name_encode(name, arena));
}

static struct http_answer problem(int status, const char *type, const char *message)
{
	return (struct http_answer){.status = status, .type = type, .message = message};
}

static struct http_answer rejection(const struct delivery *delivery, struct arena *arena)
{
	switch (delivery->verdict) {
	case REJECT_INVALID_SKU:
		return problem(400, PROBLEM_UNKNOWN_SKU,
			       arena_printf(arena, "Invalid sku %s", delivery->sku));
	case REJECT_UNKNOWN_BATCH:
		return problem(404, PROBLEM_UNKNOWN_BATCH,
			       arena_printf(arena, "Unknown batch %s", delivery->batchref));
	case REJECT_BATCHREF_TAKEN:
		return problem(
			409, PROBLEM_REFERENCE_TAKEN,
			arena_printf(arena, "Batch reference %s is taken by other data", delivery->batchref));
	case REJECT_ID_REUSED:
		return problem(409, PROBLEM_ID_REUSED,
			       arena_printf(arena, "id reused: %s came before with other content",
					    delivery->envelope.id));
	case ACCEPTED:
	case SKIP_DUPLICATE:
	case SKIP_OUT_OF_DATE:
	case SKIP_NOT_ALLOCATED:
	case NEEDS_MORE:
		break;
	}
	assert(delivery->outcome != OUTCOME_REJECTED);
	return problem(500, PROBLEM_INTERNAL, "The outcome is unknown");
}

struct http_answer answer_for(const struct delivery *delivery, struct arena *arena)
{
	switch (delivery->outcome) {
	case OUTCOME_HANDLED:
	case OUTCOME_SKIPPED:
		/* A skipped duplicate gets the same answer as the command that was handled first. */
		return (struct http_answer){
			.status = command_endpoints[delivery->type].status,
			.message = "OK",
			.location = location_of(delivery, arena),
		};
	case OUTCOME_POSTPONED:
	case OUTCOME_FORWARDED: /* only stream entries are */
		return problem(503, PROBLEM_SKU_HELD_UP,
			       "Not done: the SKU is held up and many of its messages wait; retry with the "
			       "same id");
	case OUTCOME_REJECTED:
		return rejection(delivery, arena);
	case OUTCOME_INVALID:
		return problem(400, PROBLEM_INVALID, arena_strdup(arena, delivery->reason));
	case OUTCOME_FAILED:
		return problem(422, PROBLEM_FAILED, arena_strdup(arena, delivery->reason));
	case OUTCOME_NONE:
		break;
	}
	assert(delivery->outcome != OUTCOME_NONE);
	return problem(500, PROBLEM_INTERNAL, "The outcome is unknown");
}

const char *http_title(int status)
{
	for (size_t i = 0; i < HTTP_STATUSES; i++) {
		if (http_statuses[i].status == status)
			return http_statuses[i].title;
	}
	return http_statuses[HTTP_STATUS_500].title;
}

/* jansson accepts only valid UTF-8, so invalid bytes are replaced first. */
char *problem_json(int status, const char *type, const char *message, json_t *members)
{
	char *valid = must(strdup(message)), *text;
	json_t *json;

	utf8_repair(valid);
	json = must(json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", http_title(status),
			      "status", status, "detail", valid, "message", valid));
	if (members)
		json_object_update(json, members);
	json_decref(members);
	text = must(json_dumps(json, JSON_COMPACT));
	json_decref(json);
	free(valid);
	return text;
}

bool is_json_type(const char *content_type)
{
	static const char json[] = "application/json";

	if (!content_type || strncasecmp(content_type, json, sizeof json - 1) != 0)
		return false;
	content_type += sizeof json - 1;
	content_type += strspn(content_type, " \t");
	return *content_type == '\0' || *content_type == ';';
}

/*
 * evhttp_uridecode() keeps a percent sign without two hexadecimal digits after it; here that is an error.
 */
static bool is_encoded(const char *text)
{
	for (const char *at = strchr(text, '%'); at; at = strchr(at + 1, '%')) {
		if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
			return false;
	}
	return true;
}

const char *percent_decode(const char *encoded, size_t max, struct arena *arena)
{
	const char *text = NULL;
	size_t size, count;
	char *decoded;

	if (!is_encoded(encoded))
		return NULL;
	decoded = must(evhttp_uridecode(encoded, 0, &size));
	if (!memchr(decoded, '\0', size) && text_count(decoded, size, &count) && count <= max)
		text = arena_text(arena, decoded, size);
	free(decoded);
	return text;
}

const char *name_decode(const char *encoded, struct arena *arena)
{
	const char *name = percent_decode(encoded, NAME_MAX_CHARACTERS, arena);

	return name && *name ? name : NULL;
}

char *plus_to_blank(char *value)
{
	for (char *at = value; (at = strchr(at, '+'));)
		*at = ' ';
	return value;
}

const char *name_encode(const char *name, struct arena *arena)
{
	char *encoded = must(evhttp_uriencode(name, -1, 0));
	const char *copy = arena_strdup(arena, encoded);

	free(encoded);
	return copy;
}
