/* Asks whether a command may change what it is about to change. */
#include "entrypoints/cli/confirm.h"

#include "core/base/utf8.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <unistd.h>

enum exit_status confirm(const struct invocation *invocation, const char *question)
{
	const char *shown = utf8_printable(invocation->arena, question);
	char answer[16] = "";

	if (invocation_flag(invocation, "yes"))
		return STATUS_DONE;
	if (!isatty(STDIN_FILENO)) {
		print_error("%s%s There is no terminal to ask at: give --yes to proceed",
			    command_prefix(invocation), question);
		return STATUS_USAGE;
	}
	fprintf(stderr, "%s [y/N] ", shown);
	if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return STATUS_DONE;
	print_error("%snothing was done", command_prefix(invocation));
	return STATUS_FAILED;
}
