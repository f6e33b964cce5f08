/* Finds a specification or a schema. */
#include "entrypoints/about/documents.h"

#include <string.h>

const struct built_in_file *document_find(const char *path)
{
	const struct built_in_file *file = documents;

	while (file->path && strcmp(file->path, path) != 0)
		file++;
	return file->path ? file : NULL;
}
