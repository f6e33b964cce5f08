/* Percent-decoding is that of libcurl, which the exporter uses anyhow. */
#include "adapters/otlp/otlp_pairs.h"

#include "core/base/must.h"

#include <curl/curl.h>
#include <string.h>

/* Decodes the text between blanks.  NULL: it has control characters, which could end a header. */
static const char *decoded(const char *start, size_t length, struct arena *arena)
{
	char *text;
	const char *copy;
	int size;

	while (length && *start == ' ') {
		start++;
		length--;
	}
	while (length && start[length - 1] == ' ')
		length--;
	text = must(curl_easy_unescape(NULL, start, (int)length, &size));
	copy = length ? arena_text(arena, text, (size_t)size) : "";
	curl_free(text);
	for (const char *at = copy; at < copy + (length ? size : 0); at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return NULL;
	}
	return copy;
}

bool otlp_pairs_parse(const char *text, struct arena *arena, struct otlp_pairs *pairs)
{
	*pairs = (struct otlp_pairs){.count = 0};
	while (*text) {
		size_t length = strcspn(text, ","), name = strcspn(text, "=");
		size_t i = pairs->count;

		if (i == OTLP_PAIRS_MAX || name >= length)
			return false;
		pairs->names[i] = decoded(text, name, arena);
		pairs->values[i] = decoded(text + name + 1, length - name - 1, arena);
		if (!pairs->names[i] || !*pairs->names[i] || !pairs->values[i])
			return false;
		pairs->count++;
		text += length + (text[length] == ',');
	}
	return true;
}

const char *otlp_pairs_value(const struct otlp_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (strcmp(pairs->names[i], name) == 0)
			return pairs->values[i];
	}
	return NULL;
}
