/*
 * The specifications of the program's interfaces and the JSON Schemas of its messages, as they are served:
 * /asyncapi.json, /openapi.json and /schemas/NAME.json.
 */
#ifndef ALLOCD_ENTRYPOINTS_ABOUT_DOCUMENTS_H
#define ALLOCD_ENTRYPOINTS_ABOUT_DOCUMENTS_H

#include "entrypoints/http/built_in_file.h"

/* All of them; the last row has no path.  Generated: see schemas/generate/documents.py. */
extern const struct built_in_file documents[];

/* NULL: there is no such document. */
const struct built_in_file *document_find(const char *path);

#endif
