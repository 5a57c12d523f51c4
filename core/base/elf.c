/*
 * Reading ELF program headers and what the dynamic section points to, by pread(2).
 * Nothing in the file is believed: each offset is only ever read at.
 */
#include "segment.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

bool read_segment(int fd, int bits, uint64_t at, struct segment *segment)
{
    union {
        Elf32_Phdr small;
        Elf64_Phdr large;
    } raw;
    size_t size = bits == 64 ? sizeof raw.large : sizeof raw.small;

    if (at > (uint64_t)INT64_MAX - size ||
        pread(fd, &raw, size, (off_t)at) != (ssize_t)size)
        return false;
    if (bits == 64)
        *segment = (struct segment){raw.large.p_type, raw.large.p_offset,
                                    raw.large.p_vaddr, raw.large.p_filesz};
    else
        *segment = (struct segment){raw.small.p_type, raw.small.p_offset,
                                    raw.small.p_vaddr, raw.small.p_filesz};
    return true;
}

/* Entry number n of the dynamic section. */
static bool read_entry(int fd, int bits, const struct segment *dynamic, uint64_t n,
                       uint64_t *tag, uint64_t *value)
{
    union {
        Elf32_Dyn small;
        Elf64_Dyn large;
    } raw;
    size_t size = bits == 64 ? sizeof raw.large : sizeof raw.small;
    uint64_t at = dynamic->offset + n * size;

    if (n >= dynamic->size / size || at > (uint64_t)INT64_MAX - size ||
        pread(fd, &raw, size, (off_t)at) != (ssize_t)size)
        return false;
    *tag = bits == 64 ? (uint64_t)raw.large.d_tag : (uint64_t)raw.small.d_tag;
    *value = bits == 64 ? raw.large.d_un.d_val : raw.small.d_un.d_val;
    return *tag != DT_NULL;
}

/* The value of that tag; 0 where there is none. */
static uint64_t find_entry(int fd, int bits, const struct segment *dynamic,
                           uint64_t wanted)
{
    uint64_t tag;
    uint64_t value;

    for (uint64_t n = 0; read_entry(fd, bits, dynamic, n, &tag, &value); n++)
        if (tag == wanted)
            return value;
    return 0;
}

/* Where in the file is what will be at that address; 0: nowhere. */
static uint64_t find_address(int fd, int bits, const struct headers *headers,
                             uint64_t address)
{
    struct segment segment;

    for (unsigned i = 0; i < headers->count; i++)
        if (read_segment(fd, bits, headers->at + (uint64_t)i * headers->size,
                         &segment) &&
            segment.type == PT_LOAD && address >= segment.address &&
            address - segment.address < segment.size)
            return segment.offset + (address - segment.address);
    return 0;
}

/* Measured: the shared runtimes of gcc and clang for ASan end the program, LSan's
 * interposed functions do not work before its own constructor; the others do. */
static bool is_sanitizer(const char *name)
{
    static const char *const names[] = {"libasan.so", "libhwasan.so", "liblsan.so",
                                        "libclang_rt.asan"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

bool needs_sanitizer(int fd, int bits, const struct headers *headers,
                     const struct segment *dynamic)
{
    uint64_t strings =
        find_address(fd, bits, headers, find_entry(fd, bits, dynamic, DT_STRTAB));
    uint64_t tag;
    uint64_t value;

    for (uint64_t n = 0; strings > 0 && read_entry(fd, bits, dynamic, n, &tag, &value);
         n++) {
        char name[32] = ""; /* as much as tells */
        if (tag == DT_NEEDED && value < (uint64_t)INT64_MAX - strings &&
            pread(fd, name, sizeof name - 1, (off_t)(strings + value)) > 0 &&
            is_sanitizer(name))
            return true;
    }
    return false;
}
