/* Rewrites events in rows of the outbox, page by page. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_PAGE_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_OUTBOX_PAGE_H

#include "adapters/postgres/tools/blocking_client.h"
#include "bus/unit_of_work/outbox_frame.h"

struct outbox_page {
	int partition;
	int64_t after, until; /* positions: the page begins after the first, and does not pass the second */
	bool is_dry_run;      /* nothing is written */

	/* Results. */
	int64_t rows, last; /* how many were read; 0: there are no more; the position of the last one */
	int64_t events;     /* that were rewritten */
	int64_t damaged;    /* rows that cannot be read, and stay as they are: `allocd verify` finds them */
	int64_t changed;    /* rows that another session has changed meanwhile: read the page again */
};

/* Rewrites the events of a page in the current transaction; `arena` is cleared.  False after a failure. */
bool outbox_page_rewrite(struct blocking_client *client, struct outbox_page *page, event_rewrite *rewrite,
			 void *context, struct arena *arena);

#endif
