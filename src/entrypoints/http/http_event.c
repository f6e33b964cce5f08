/* An event in the body of an answer. */
#include "entrypoints/http/http_event.h"

/* Writes the type beside the data, because a bare allocation looks like a deallocation. */
bool write_event(FILE *out, const struct http_services *services, const struct outgoing *event, bool is_first,
		 struct arena *arena, const char **error)
{
	const char *json;

	if (!services->event_to_json(event->payload, arena, &json, error))
		return false;
	fprintf(out, "%s{\"type\":\"%s\",\"data\":%s}", is_first ? "" : ",", message_name(event->type), json);
	return true;
}
