/* Tells the story of failures that are injected into calls. */
#ifndef ALLOCD_TESTS_FAILURES_H
#define ALLOCD_TESTS_FAILURES_H

#include "adapters/memory/ports/stream.h"
#include "adapters/memory/store/memory_store.h"

void tell_store_failure(int worker, enum store_call call, enum store_injection injected);
void tell_stream_failure(int worker, enum consumer_call_kind call, enum stream_injection injected);

#endif
