/* The JSON Schemas of the messages, as the files in schemas/ have them. */
#ifndef ALLOCD_ENTRYPOINTS_ABOUT_MESSAGE_SCHEMAS_H
#define ALLOCD_ENTRYPOINTS_ABOUT_MESSAGE_SCHEMAS_H

#include "core/message.h"

/* By message type; that of MSG_NONE is NULL. */
extern const char *const message_schemas[MSG_TYPES];

#endif
