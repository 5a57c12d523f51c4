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

/* Reads the program header at that offset, from the first bytes of the file if it is
 * among them.  Returns whether the file is long enough. */
static bool read_segment(int fd, const struct dz_head *head, int bits, uint64_t at,
                         union segment *segment)
{
    size_t size = bits == 64 ? sizeof segment->large : sizeof segment->small;

    if (at <= head->size && size <= head->size - at) {
        memcpy(segment, head->bytes + at, size);
        return true;
    }
    return at <= (uint64_t)INT64_MAX - size &&
           dz_read_at(fd, segment, size, (int64_t)at) == (ssize_t)size;
}

static void note_segment(const union segment *segment, struct dz_elf *elf)
{
    bool large = elf->bits == 64;

    if ((large ? segment->large.p_type : segment->small.p_type) != PT_INTERP)
        return;
    elf->dynamic = true;
    elf->interpreter_at = large ? segment->large.p_offset : segment->small.p_offset;
    elf->interpreter_size = large ? segment->large.p_filesz : segment->small.p_filesz;
}

bool dz_read_elf(int fd, const struct dz_head *head, struct dz_elf *elf)
{
    union {
        Elf32_Ehdr small;
        Elf64_Ehdr large;
    } raw = {0};
    size_t n = head->size < sizeof raw ? head->size : sizeof raw;

    memcpy(&raw, head->bytes, n);
    if (n < sizeof raw.small || memcmp(raw.small.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    bool large = n == sizeof raw.large && raw.large.e_ident[EI_CLASS] == ELFCLASS64;
    memset(elf, 0, sizeof *elf);
    elf->bits = large ? 64 : 32;
    elf->shared = raw.small.e_type == ET_DYN; /* at one offset in both classes */
    elf->machine = raw.small.e_machine;
    uint64_t at = large ? raw.large.e_phoff : raw.small.e_phoff;
    unsigned count = large ? raw.large.e_phnum : raw.small.e_phnum;
    unsigned size = large ? raw.large.e_phentsize : raw.small.e_phentsize;
    for (unsigned i = 0; i < count; i++) {
        union segment segment;
        if (!read_segment(fd, head, elf->bits, at + (uint64_t)i * size, &segment))
            break;
        note_segment(&segment, elf);
    }
    return true;
}

void dz_read_interpreter(int fd, const struct dz_elf *elf, char path[PATH_MAX])
{
    ssize_t n = 0;

    if (elf->interpreter_size < PATH_MAX && elf->interpreter_at <= INT64_MAX)
        n = dz_read_at(fd, path, (size_t)elf->interpreter_size,
                       (int64_t)elf->interpreter_at);
    path[n > 0 ? n : 0] = '\0';
}
