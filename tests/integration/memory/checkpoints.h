/* The fixture for the logbook in memory. */
#ifndef ALLOCD_TESTS_MEMORY_LOGBOOK_H
#define ALLOCD_TESTS_MEMORY_LOGBOOK_H

#include "integration/store/checkpoints_suite.h"

extern struct logbook_fixture memory_checkpoints_fixture;

#endif
