/*
 * The headers of an ELF file.
 */
#include "base.h"

#include <elf.h>
#include <string.h>

union segment {
    Elf32_Phdr small;
    Elf64_Phdr large;
};

/* Reads the program header at that offset.  Returns whether the file is long enough. */
static bool read_segment(int fd, int bits, uint64_t at, union segment *segment)
{
    size_t size = bits == 64 ? sizeof segment->large : sizeof segment->small;

    return at <= (uint64_t)INT64_MAX - size &&
           dz_read_at(fd, segment, size, (int64_t)at) == (ssize_t)size;
}

/* Reads the path of the interpreter.  Leaves it empty if it is too long. */
static void read_interpreter(int fd, uint64_t at, uint64_t size, struct dz_elf *elf)
{
    ssize_t n;

    elf->dynamic = true;
    if (size >= sizeof elf->interpreter || at > INT64_MAX)
        return;
    n = dz_read_at(fd, elf->interpreter, (size_t)size, (int64_t)at);
    elf->interpreter[n > 0 ? n : 0] = '\0';
}

bool dz_read_elf(int fd, struct dz_elf *elf)
{
    union {
        Elf32_Ehdr small;
        Elf64_Ehdr large;
    } raw = {0};
    ssize_t n = dz_read_at(fd, &raw, sizeof raw, 0);
    bool large =
        n >= (ssize_t)sizeof raw.large && raw.large.e_ident[EI_CLASS] == ELFCLASS64;

    if (n < (ssize_t)sizeof raw.small ||
        memcmp(raw.small.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    memset(elf, 0, sizeof *elf);
    elf->bits = large ? 64 : 32;
    elf->shared = raw.small.e_type == ET_DYN; /* at one offset in both classes */
    elf->machine = raw.small.e_machine;
    uint64_t at = large ? raw.large.e_phoff : raw.small.e_phoff;
    unsigned count = large ? raw.large.e_phnum : raw.small.e_phnum;
    unsigned size = large ? raw.large.e_phentsize : raw.small.e_phentsize;
    for (unsigned i = 0; i < count; i++) {
        union segment segment;
        if (!read_segment(fd, elf->bits, at + (uint64_t)i * size, &segment))
            break;
        if (large && segment.large.p_type == PT_INTERP)
            read_interpreter(fd, segment.large.p_offset, segment.large.p_filesz, elf);
        if (!large && segment.small.p_type == PT_INTERP)
            read_interpreter(fd, segment.small.p_offset, segment.small.p_filesz, elf);
    }
    return true;
}
