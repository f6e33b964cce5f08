/* Compares what waits with what gets done. */
#include "entrypoints/supervision/standstill.h"

/*
 * Every trouble that stops work names what holds it up, but for `outbox-behind`, which only says that events
 * wait.  The message of a parked SKU waits for the database.
 */
static bool is_explained(const struct trouble_list *troubles)
{
	for (int code = 0; code < TROUBLE_CODES; code++) {
		if (troubles->by_code[code].is_open && code != TROUBLE_OUTBOX_BEHIND &&
		    (trouble_kinds[code].severity == TROUBLE_STOP || code == TROUBLE_SKU_PARKED))
			return true;
	}
	return false;
}

bool standstill_is_long(struct standstill *standstill, const struct status *status, int64_t now_ms)
{
	bool is_excused = !standstill->looked_ms || now_ms - standstill->looked_ms > STANDSTILL_LOOK_MS ||
			  is_explained(&status->troubles);

	if (is_excused || !status->doing.waiting || status->doing.units != standstill->units)
		standstill->committed_ms = now_ms;
	if (is_excused || !status->outputs.unpublished || status->outputs.published != standstill->published)
		standstill->published_ms = now_ms;
	standstill->looked_ms = now_ms;
	standstill->units = status->doing.units;
	standstill->published = status->outputs.published;
	return now_ms - standstill->committed_ms >= STANDSTILL_MS ||
	       now_ms - standstill->published_ms >= STANDSTILL_MS;
}
