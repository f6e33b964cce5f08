/* Prints text from outside with control characters escaped. */
#include "entrypoints/cli/print.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdarg.h>
#include <string.h>

#define COLUMNS 80

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
	char *text;

	va_start(arguments, format);
	text = must_vprintf(format, arguments);
	va_end(arguments);
	print_line(program_name, text, stderr);
	free(text);
}

/* Words of ASCII, so that a byte is a column. */
void print_wrapped(int column, const char *text)
{
	int at = column;

	while (*text) {
		int length = (int)strcspn(text, " \n");

		if (at > column && at + 1 + length > COLUMNS) {
			printf("\n%*s", column, "");
			at = column;
		}
		at += printf("%s%.*s", at > column ? " " : "", length, text);
		text += length;
		text += strspn(text, " \n");
	}
	putchar('\n');
}

void print_item(int column, const char *name, const char *text)
{
	int end = printf("  %s", name);

	if (end + 2 > column) {
		putchar('\n');
		end = 0;
	}
	printf("%*s", column - end, "");
	print_wrapped(column, text);
}

void json_line_print(json_t *json, FILE *out)
{
	char *text = must(json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)));

	print_line(NULL, text, out);
	free(text);
	json_decref(json);
}
