/* What is wrong with the settings. */
#include "entrypoints/config/faults.h"

#include "core/base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void faults_add(struct faults *faults, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = must(NULL);
	va_end(arguments);
	faults->texts = arena_grow(faults->arena, faults->texts, faults->count, sizeof *faults->texts);
	faults->texts[faults->count++] = arena_strdup(faults->arena, text);
	free(text);
}
