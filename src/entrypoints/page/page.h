/* The files of the operators' page, as they are built into the program. */
#ifndef ALLOCD_ENTRYPOINTS_PAGE_PAGE_H
#define ALLOCD_ENTRYPOINTS_PAGE_PAGE_H

#include "entrypoints/http/built_in_file.h"

/* NULL: there is no such file. */
const struct built_in_file *page_find(const char *path);

#endif
