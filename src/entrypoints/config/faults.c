/* What is wrong with the settings. */
#include "entrypoints/config/faults.h"

#include "core/base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void faults_add(struct faults *faults, const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	text = must_vprintf(format, arguments);
	va_end(arguments);
	faults->texts = arena_grow(faults->arena, faults->texts, faults->count, sizeof *faults->texts);
	faults->texts[faults->count++] = arena_strdup(faults->arena, text);
	free(text);
}
