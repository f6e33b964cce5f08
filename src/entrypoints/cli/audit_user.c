/* Names the user of the program, for the record of changes. */
#include "entrypoints/cli/audit_user.h"

#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART_MAX 64

static const char *login(void)
{
	const char *sudo_user = getenv("SUDO_USER");
	const struct passwd *user = getpwuid(getuid());

	if (sudo_user && sudo_user[0])
		return sudo_user;
	return user ? user->pw_name : NULL;
}

static const char *part(const char *text, struct arena *arena)
{
	const char *cut;

	if (!text)
		return "unknown";
	cut = arena_text(arena, text, utf8_cut(text, strlen(text), PART_MAX));
	return cut[0] && text_is_printable(cut) ? cut : "unknown";
}

const char *audit_user_name(struct arena *arena)
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof host - 1);
	return arena_printf(arena, "%s@%s", part(login(), arena), part(host, arena));
}
