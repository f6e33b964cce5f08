/* A file that is built into the program and served over HTTP: of the page, a specification or a schema. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_BUILT_IN_FILE_H
#define ALLOCD_ENTRYPOINTS_HTTP_BUILT_IN_FILE_H

#include <stddef.h>

struct built_in_file {
	const char *path; /* the page itself: "/" */
	const char *type; /* of its content */
	const char *hash; /* of the content */
	const unsigned char *plain;
	size_t plain_size;
	const unsigned char *gzip; /* the same, compressed */
	size_t gzip_size;
};

#endif
