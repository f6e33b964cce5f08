/* Reads a command that `allocd publish` publishes: from arguments, or from a line of JSON. */
#include "entrypoints/admin/publication.h"

#include "adapters/codec/codec.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/cli/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool find_type(const char *name, struct arena *arena, enum message_type *type, const char **error)
{
	struct nearest nearest = {.word = name};
	const char *names = "", *hint;

	*type = message_type_named(name);
	if (message_is_command(*type))
		return true;
	for (int i = MSG_NONE + 1; i < MSG_TYPES; i++) {
		if (!message_is_command((enum message_type)i))
			continue;
		names = arena_printf(arena, "%s %s", names, message_name((enum message_type)i));
		nearest_consider(&nearest, message_name((enum message_type)i));
	}
	hint = nearest_hint(&nearest, "", arena);
	*error = arena_printf(arena, "'%s' is not a command%s", name,
			      *hint ? hint : arena_printf(arena, "; there are:%s", names));
	return false;
}

static bool read_payload(struct codec *codec, struct publication *publication, struct arena *arena,
			 const char **error)
{
	return codec->ops->decode(codec, publication->type, publication->payload, arena,
				  &publication->envelope, error);
}

static bool has_id(const struct invocation *invocation)
{
	for (size_t i = 1; i < invocation->argument_count; i++) {
		if (strncmp(invocation->arguments[i], "id=", strlen("id=")) == 0)
			return true;
	}
	return false;
}

bool publication_from_arguments(const struct invocation *invocation, struct codec *codec,
				struct publication *publication, const char **error)
{
	struct arena *arena = invocation->arena;
	size_t count = invocation->argument_count - 1;
	const char **pairs = arena_alloc(arena, (count + 1) * sizeof *pairs), *given = "";

	if (!find_type(invocation->arguments[0], arena, &publication->type, error))
		return false;
	for (size_t i = 0; i < count; i++)
		pairs[i] = invocation->arguments[i + 1];
	if (!has_id(invocation))
		pairs[count++] = arena_printf(arena, "id=%s", random_name(system_random(), arena));
	if (codec_command_from_pairs(publication->type, pairs, count, arena, &publication->payload, error))
		return read_payload(codec, publication, arena, error);
	/* The arguments after the error show how the shell has split them. */
	for (size_t i = 0; i < invocation->argument_count; i++)
		given = arena_printf(arena, "%s %s", given, invocation->arguments[i]);
	*error = arena_printf(arena, "%s; given:%s", *error, given);
	return false;
}

/* A CloudEvent has an id in its envelope. */
static void mint_id(json_t *data, struct arena *arena)
{
	if (json_is_object(data) && !json_object_get(data, "specversion") &&
	    !json_string_value(json_object_get(data, "id")))
		json_object_set_new(data, "id", must(json_string(random_name(system_random(), arena))));
}

static bool read_object(struct codec *codec, const json_t *object, struct publication *publication,
			struct arena *arena, const char **error)
{
	const char *name = json_string_value(json_object_get(object, "type"));
	json_t *data = json_object_get(object, "data");
	char *text;
	size_t size;

	*error = "expected an object with the members type and data";
	if (!name || !data || !find_type(name, arena, &publication->type, error))
		return false;
	mint_id(data, arena);
	text = must(json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY));
	size = strlen(text);
	publication->payload = (struct bytes){arena_copy(arena, text, size), size};
	free(text);
	return read_payload(codec, publication, arena, error);
}

bool publication_from_line(const char *line, size_t length, struct codec *codec,
			   struct publication *publication, struct arena *arena, const char **error)
{
	json_error_t trouble;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &trouble);
	bool done = false;

	if (!object)
		*error = arena_printf(arena, "expected JSON: %s", trouble.text);
	else
		done = read_object(codec, object, publication, arena, error);
	json_decref(object);
	return done;
}
