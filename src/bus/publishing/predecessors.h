/*
 * The predecessor of an event: the event that it replaced, which is published right behind it until those who
 * listen know the new name (docs/decisions/replaced-names.md).
 *
 * No predecessor is raised or stored.  It is made of its successor when a row of the outbox is read to be
 * published, so that both go out behind one fence, and has the same identity, (SKU, epoch, version), and the
 * same form: encoding, envelope and trace.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PREDECESSORS_H
#define ALLOCD_BUS_PUBLISHING_PREDECESSORS_H

#include "bus/ports/broker.h"
#include "bus/ports/codec.h"
#include "bus/ports/logger.h"

/*
 * Sets the fields of the predecessor that its successor `event` has under another name or with another
 * meaning.  The fields that both have under one name and of one kind are copied already.
 */
typedef void predecessor_fields(const struct message *event, struct message *predecessor);

/* Lists of these end with one of type MSG_NONE.  An event may have several. */
struct predecessor {
	enum message_type type;
	enum message_type successor;
	predecessor_fields *set_fields;
};

/* Those of the schemas.  A replaced event that has no function in predecessors.c does not compile. */
extern const struct predecessor event_predecessors[];

/* What makes predecessors. */
struct predecessor_maker {
	const struct predecessor *known; /* NULL: none */
	struct codec *codec;
	struct logger *logger;
};

/*
 * Puts the predecessors of each event right behind it, with payloads in `arena`.  The array stays as it is if
 * there are no predecessors.  One that cannot be made, because the event cannot be read or because its schema
 * does not allow it, is logged and left out: a consumer of that name sees a gap of the version.
 */
void predecessors_insert(const struct predecessor_maker *maker, struct arena *arena, struct outgoing **events,
			 size_t *count);

#endif
