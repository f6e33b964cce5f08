/* Resets what a child inherits of the signals that its parent ignores, handles or blocks. */
#include "entrypoints/jobs/child_signals.h"

#include <signal.h>
#include <stddef.h>

void child_signals_reset(void)
{
	const struct sigaction fallback = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &fallback, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
