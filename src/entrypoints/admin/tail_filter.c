/* Filters what `allocd tail` prints: of one key any value may match, of several keys each must. */
#include "entrypoints/admin/tail_filter.h"

#include "adapters/codec/codec.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"

#include <string.h>

static const struct key {
	const char *name;
	const char *field; /* NULL: the message's name */
} keys[] = {{"type", NULL}, {"sku", "sku"}, {"order", "orderid"}};

enum { KEYS = sizeof keys / sizeof keys[0] };

/* The text after KEY=, or NULL. */
static const char *value_of(const char *text, const struct key *key)
{
	size_t length = strlen(key->name);

	return strncmp(text, key->name, length) == 0 && text[length] == '=' ? text + length + 1 : NULL;
}

static bool check_type(const char *name, struct arena *arena, const char **error)
{
	struct nearest nearest = {.word = name};

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++)
		nearest_consider(&nearest, message_name((enum message_type)type));
	*error = arena_printf(arena, "there is no message %s%s", name, nearest_hint(&nearest, "", arena));
	return message_type_named(name) != MSG_NONE;
}

static bool check(const char *text, struct arena *arena, bool *has_sku, const char **error)
{
	for (size_t i = 0; i < KEYS; i++) {
		const char *value = value_of(text, &keys[i]);

		if (!value)
			continue;
		*has_sku |= keys[i].field && strcmp(keys[i].field, "sku") == 0;
		return keys[i].field || check_type(value, arena, error);
	}
	*error = "expected sku=SKU, order=ORDER or type=MESSAGE after --filter";
	return false;
}

static bool read_since(struct tail_filter *filter, bool has_sku, const char **error)
{
	const char *since = invocation_option(filter->invocation, "since");

	filter->since_s = -1;
	*error = "expected an age such as 90s, 15m, 2h or 7d, or a version after --since";
	if (!since)
		return true;
	if (!text_to_number(since, &filter->from_version))
		return text_to_age(since, &filter->since_s);
	filter->is_on = true;
	*error = "expected --filter sku=SKU, whose version is after --since";
	return has_sku;
}

bool tail_filter_read(struct tail_filter *filter, const struct invocation *invocation, const char **error)
{
	static const struct codec_config reading = {CODEC_JSON, CODEC_BARE, ""};
	bool has_sku = false;
	const char *text;

	*filter = (struct tail_filter){.invocation = invocation};
	for (size_t i = 0; (text = invocation_option_at(invocation, "filter", i)); i++) {
		filter->is_on = true;
		if (!check(text, invocation->arena, &has_sku, error))
			return false;
	}
	if (!read_since(filter, has_sku, error))
		return false;
	filter->codec = codec_new(&reading);
	return true;
}

void tail_filter_release(struct tail_filter *filter)
{
	codec_free(&filter->codec);
}

/* `value`: what the message has; NULL: nothing. */
static bool key_passes(const struct tail_filter *filter, const struct key *key, const char *value)
{
	bool is_asked = false;
	const char *text, *wanted;

	for (size_t i = 0; (text = invocation_option_at(filter->invocation, "filter", i)); i++) {
		wanted = value_of(text, key);
		is_asked |= wanted != NULL;
		if (wanted && value && strcmp(wanted, value) == 0)
			return true;
	}
	return !is_asked;
}

bool tail_filter_passes(const struct tail_filter *filter, enum message_type type, struct bytes payload,
			struct arena *arena)
{
	struct envelope envelope;
	const char *error;

	if (!filter->is_on)
		return true;
	if (!key_passes(filter, &keys[0], message_name(type)) ||
	    !filter->codec->ops->decode(filter->codec, type, payload, arena, &envelope, &error))
		return false;
	for (size_t i = 1; i < KEYS; i++) {
		if (!key_passes(filter, &keys[i], message_text(&envelope.message, keys[i].field)))
			return false;
	}
	return !filter->from_version || message_number(&envelope.message, "version") >= filter->from_version;
}
