/* A URL that is a setting's own text; one that is read from a file is the configuration's business. */
#include "adapters/system/url_source.h"

const char *url_read_text(void *context, struct arena *arena, const char **error)
{
	(void)arena, (void)error;
	return context;
}
