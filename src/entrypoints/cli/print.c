/* Prints text from outside with control characters escaped. */
#include "entrypoints/cli/print.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdarg.h>

static const char *program_name = "allocd";

/* The line begins with `program`, or with the text when that is NULL. */
static void print_line(const char *program, const char *text, FILE *out)
{
	struct arena *arena = arena_new(4096);

	fprintf(out, "%s%s%s\n", program ? program : "", program ? ": " : "", utf8_printable(arena, text));
	arena_free(&arena);
}

void print_errors_as(const char *program)
{
	program_name = program;
}

void print_error(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = must(NULL);
	va_end(arguments);
	print_line(program_name, text, stderr);
	free(text);
}

void json_line_print(json_t *json, FILE *out)
{
	char *text = must(json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)));

	print_line(NULL, text, out);
	free(text);
	json_decref(json);
}
