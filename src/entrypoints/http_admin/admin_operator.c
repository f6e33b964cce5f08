/* Names the operator who makes a request. */
#include "entrypoints/http_admin/admin_operator.h"

#include "entrypoints/cli/text.h"
#include "entrypoints/http/http_answer.h"

#include <string.h>

const char *admin_operator(const char *given, const char *address, struct arena *arena)
{
	const char *name = given ? percent_decode(given, OPERATOR_MAX, arena) : "unknown";

	if (!name || !*name || strchr(name, '@') || !text_is_printable(name))
		return NULL;
	return arena_printf(arena, "page:%s@%s", name, address);
}
