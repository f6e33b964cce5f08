/* The files of the operators' page, as they are built into the program. */
#ifndef ALLOCD_ENTRYPOINTS_PAGE_PAGE_H
#define ALLOCD_ENTRYPOINTS_PAGE_PAGE_H

#include <stddef.h>

struct page_file {
	const char *path; /* the page itself: "/" */
	const char *type; /* of its content */
	const char *etag; /* in quotes; it changes with the content */
	const unsigned char *plain;
	size_t plain_size;
	const unsigned char *gzip; /* the same, compressed */
	size_t gzip_size;
};

/* NULL: there is no such file. */
const struct page_file *page_find(const char *path);

#endif
