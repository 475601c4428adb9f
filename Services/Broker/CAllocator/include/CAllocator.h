// What the process's allocator keeps for itself. Safe to call from any thread; zero where it cannot be asked.
#ifndef SIGNALBOX_CALLOCATOR_H
#define SIGNALBOX_CALLOCATOR_H

#include <stddef.h>

/// Bytes that were freed and not given back to the system.
size_t signalbox_allocator_unused_bytes(void);

/// Gives such bytes back. Whoever allocates meanwhile may wait, about a tenth of a millisecond for each megabyte.
void signalbox_allocator_trim(void);

#endif
