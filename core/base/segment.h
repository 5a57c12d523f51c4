/*
 * ELF program headers of either class, elf(5).
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct segment {
    uint32_t type;
    uint64_t offset; /* in the file */
    uint64_t address;
    uint64_t size; /* in the file */
};

/* Where a file's program headers are. */
struct headers {
    uint64_t at;
    unsigned count;
    unsigned size; /* of one */
};

/* Read the one at offset at of a file of that class, 32 or 64.  Whether it is there. */
bool read_segment(int fd, int bits, uint64_t at, struct segment *segment);

/*
 * Whether the dynamic section names a sanitizer's runtime that refuses to be loaded
 * behind a preloaded library, or does not work then.
 */
bool needs_sanitizer(int fd, int bits, const struct headers *headers,
                     const struct segment *dynamic);

#endif
