/* Reads lists of ranges or codings, each with its weight, and of entity tags. */
#include "entrypoints/http/http_accept.h"

#include <ctype.h>
#include <string.h>

/* Weights are in thousandths. */
#define WEIGHT_MAX 1000

/* The text from `at` to before `end`, without the blanks around it. */
struct piece {
	const char *at;
	size_t size;
};

static struct piece trim(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct piece){at, (size_t)(end - at)};
}

/* Cuts off the piece up to the separator, or to the end of the text. */
static struct piece cut(struct piece *text, char separator)
{
	const char *end = text->at + text->size, *found = memchr(text->at, separator, text->size);
	struct piece piece = trim(text->at, found ? found : end);

	*text = found ? (struct piece){found + 1, (size_t)(end - found - 1)} : (struct piece){end, 0};
	return piece;
}

static bool is_word(struct piece piece, const char *word)
{
	return piece.size == strlen(word) && !strncasecmp(piece.at, word, piece.size);
}

/* "0.5" is 500; -1 if the text is not a weight. */
static int read_weight(struct piece text)
{
	int weight = 0, unit = WEIGHT_MAX;

	if (!text.size || text.size > strlen("0.000") || (text.size > 1 && text.at[1] != '.'))
		return -1;
	for (size_t i = 0; i < text.size; i += i ? 1 : 2, unit /= 10) {
		if (!isdigit((unsigned char)text.at[i]))
			return -1;
		weight += (text.at[i] - '0') * unit;
	}
	return weight <= WEIGHT_MAX ? weight : -1;
}

/* The weight among the parameters of a range. */
static int weight_of(struct piece parameters)
{
	while (parameters.size) {
		struct piece parameter = cut(&parameters, ';');

		if (parameter.size >= 2 && !strncasecmp(parameter.at, "q=", 2))
			return read_weight((struct piece){parameter.at + 2, parameter.size - 2});
	}
	return WEIGHT_MAX;
}

bool accepts_gzip(const char *codings)
{
	struct piece list = {codings, codings ? strlen(codings) : 0};

	while (list.size) {
		struct piece parameters = cut(&list, ',');

		if (is_word(cut(&parameters, ';'), "gzip"))
			return weight_of(parameters) > 0;
	}
	return false;
}

/* No tag has a quote inside, so what is found begins and ends where a tag does. */
bool lists_etag(const char *tags, const char *etag)
{
	return tags && (is_word(trim(tags, tags + strlen(tags)), "*") || strstr(tags, etag));
}

/* The most specific range that covers a type has its weight. */
bool prefers_json(const char *accept)
{
	static const char *const text_ranges[] = {"*/*", "text/*", "text/plain"};
	struct piece ranges = {accept, accept ? strlen(accept) : 0};
	int json = 0, text = 0, specific = -1;

	while (ranges.size) {
		struct piece parameters = cut(&ranges, ',');
		struct piece range = cut(&parameters, ';');
		int weight = weight_of(parameters);

		if (weight < 0)
			continue;
		if (is_word(range, "application/json"))
			json = weight;
		for (int i = 0; i < 3; i++) {
			if (i >= specific && is_word(range, text_ranges[i])) {
				text = weight;
				specific = i;
			}
		}
	}
	return json > text;
}
