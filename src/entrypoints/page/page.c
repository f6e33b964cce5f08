/* Finds a file of the page. */
#include "entrypoints/page/page.h"

#include "page_files.h"

#include <string.h>

const struct built_in_file *page_find(const char *path)
{
	for (size_t i = 0; i < sizeof page_files / sizeof page_files[0]; i++) {
		if (!strcmp(page_files[i].path, path))
			return &page_files[i];
	}
	return NULL;
}
