/* The calls of a store other than units of work: outbox, notifications, active shrinks and cleanup. */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_HOUSEKEEPING_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_HOUSEKEEPING_H

#include "adapters/memory/database/database.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/outbox_store.h"

void database_resolve(const struct database *database, struct resolved_batch *batches, size_t count,
		      struct arena *arena);
void database_read_cursors(const struct database *database, struct outbox_state *state);
void database_read_outbox(const struct database *database, struct outbox_range *range);
size_t database_claim_notifications(struct database *database, struct notification *notifications, size_t max,
				    struct arena *arena);
void database_record_notification(struct database *database, int64_t key, enum notification_result result,
				  int retry_seconds, const char *reason);
void database_split_notification(struct database *database, int64_t key, const char *const *recipients,
				 size_t count, int64_t *keys);
void database_read_stock(struct database *database, const char *sku, struct stock *stock,
			 struct arena *arena);
/* Continues after the product *last and wraps around; sets *last to the last product returned. */
size_t database_find_active_shrinks(const struct database *database, const char **skus, size_t max,
				    size_t *last, struct arena *arena);

/* Deletes expired rows; sets in *cleanup whether there is more to delete, and counts of dead letters. */
void database_clean_up(struct database *database, struct cleanup *cleanup);

#endif
