/* Reads words of the command line from standard input. */
#include "entrypoints/jobs/hidden_words.h"

#include <string.h>

static size_t count_of(const char *const words[])
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

/* The bytes of `in`, the last of which is NUL; *size is 0 when there are no bytes, or too many. */
static const char *read_all(FILE *in, struct arena *arena, size_t *size)
{
	size_t room = 4096, got;
	char *text = arena_alloc(arena, room), *larger;

	*size = 0;
	while (*size <= HIDDEN_WORDS_MAX && (got = fread(text + *size, 1, room - *size, in)) > 0) {
		*size += got;
		if (*size < room)
			continue;
		larger = arena_alloc(arena, 2 * room);
		text = memcpy(larger, text, room);
		room *= 2;
	}
	if (ferror(in) || *size > HIDDEN_WORDS_MAX || (*size && text[*size - 1]))
		*size = 0;
	return text;
}

const char *const *hidden_words_read(const char *const words[], FILE *in, struct arena *arena,
				     const char **error)
{
	size_t count = count_of(words), size;
	const char **all = NULL, *text, *word;

	if (!count || strcmp(words[count - 1], WORDS_FROM_STDIN) != 0)
		return words;
	text = read_all(in, arena, &size);
	*error = "expected words on standard input, each ended by NUL";
	if (!size)
		return NULL;
	count--;
	for (size_t i = 0; i < count; i++) {
		all = arena_grow(arena, all, i, sizeof *all);
		all[i] = words[i];
	}
	for (word = text; word < text + size; word += strlen(word) + 1) {
		all = arena_grow(arena, all, count, sizeof *all);
		all[count++] = word;
	}
	all = arena_grow(arena, all, count, sizeof *all);
	all[count] = NULL;
	return all;
}
