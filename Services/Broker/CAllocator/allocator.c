#include "CAllocator.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <features.h>
#endif

#if defined(__GLIBC__)
#include <malloc.h>

size_t signalbox_allocator_unused_bytes(void) { return mallinfo2().fordblks; }

void signalbox_allocator_trim(void) { malloc_trim(0); }

#else

size_t signalbox_allocator_unused_bytes(void) { return 0; }

void signalbox_allocator_trim(void) {}

#endif
