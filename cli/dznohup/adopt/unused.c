/*
 * Unused bytes in the target: zeros behind the end of a file or of the kernel's page,
 * in executable memory that belongs to the process alone.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNUSED_MAX = 4096 - CODE_AND_DISTANCE, MARGIN = 16 /* to what is in use */ };

static bool is_unused(int memory, uint64_t end, size_t size)
{
    unsigned char bytes[UNUSED_MAX + MARGIN];
    size_t length = size + MARGIN;

    if (size > UNUSED_MAX ||
        pread(memory, bytes, length, (off_t)(end - length)) != (ssize_t)length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* ---- mappings, proc_pid_maps(5) ---- */

struct mapping {
    unsigned long long begin;
    unsigned long long end;
    char mode[5];
    char line[PATH_MAX + 128];
};

static FILE *open_mappings(const struct tracee *tracee)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/maps", (int)tracee->living);
    return fopen(path, "re");
}

/* Reads the next one.  Returns whether there is one. */
static bool next_mapping(FILE *maps, struct mapping *mapping)
{
    while (fgets(mapping->line, sizeof mapping->line, maps) != NULL)
        if (sscanf(mapping->line, "%llx-%llx %4s", &mapping->begin, &mapping->end,
                   mapping->mode) == 3)
            return true;
    return false;
}

static bool is_named(const struct mapping *mapping, const char *name)
{
    return strstr(mapping->line, name) != NULL;
}

/* Returns the address of so many unused bytes in executable memory, distance bytes
 * before its end, or 0.  Prefers the kernel's own page, which no file backs. */
static uint64_t find_unused(const struct tracee *tracee, size_t size, size_t distance)
{
    struct mapping mapping;
    uint64_t found = 0;
    FILE *maps = open_mappings(tracee);

    if (maps == NULL)
        return 0;
    errno = 0;
    while (next_mapping(maps, &mapping)) {
        bool kernels = is_named(&mapping, "[vdso]");
        if (mapping.mode[2] != 'x' || mapping.mode[3] != 'p' ||
            is_named(&mapping, "[vsyscall]") || (found != 0 && !kernels))
            continue;
        if (is_unused(tracee->memory, mapping.end - distance, size))
            found = mapping.end - distance - size; /* sizes are multiples of 8 */
    }
    fclose(maps);
    return found;
}

/* Finds the first thread's stack, and has the pages mapped that may be used. */
static void find_stack(struct tracee *tracee)
{
    static char unheard[2 * FRAME_MAX];
    struct mapping mapping;
    FILE *maps = open_mappings(tracee);

    tracee->stack_begin = tracee->stack_end = 0;
    if (maps == NULL)
        return;
    while (next_mapping(maps, &mapping))
        if (is_named(&mapping, "[stack]") && strncmp(mapping.mode, "rw", 2) == 0) {
            tracee->stack_begin = mapping.begin;
            tracee->stack_end = mapping.end;
        }
    fclose(maps);
    if (tracee->stack_begin != 0)
        (void)!pread(tracee->memory, unheard, sizeof unheard,
                     (off_t)(tracee->stack_begin + HANDLERS));
}

bool is_writable(const struct tracee *tracee, uint64_t begin, uint64_t end)
{
    struct mapping mapping;
    FILE *maps = open_mappings(tracee);

    if (maps == NULL)
        return false;
    while (begin < end && next_mapping(maps, &mapping))
        if (mapping.begin <= begin && mapping.end > begin &&
            strncmp(mapping.mode, "rw", 2) == 0)
            begin = mapping.end; /* the next one may follow it */
    fclose(maps);
    return begin >= end;
}

/* ---- places ---- */

/* Finds room for the copies of that many time-outs.  Returns whether there is some. */
static bool find_slots(struct tracee *tracee, size_t count)
{
    tracee->slots = find_unused(tracee, count * SLOT, CODE_AND_DISTANCE);
    tracee->slot_count = count;
    return tracee->slots != 0;
}

int renew_memory(struct tracee *tracee)
{
    char path[64];

    if (tracee->memory >= 0)
        dz_close(tracee->memory);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)tracee->living);
    tracee->memory = open(path, O_RDWR | O_CLOEXEC);
    return tracee->memory < 0 ? -1 : 0;
}

int open_memory(struct tracee *tracee)
{
    close_places(tracee);
    return renew_memory(tracee);
}

/* Returns the number of the target's threads. */
static size_t count_threads(const struct tracee *tracee)
{
    enum { OTHERS = 2 /* links of a directory */ };
    char path[64];
    struct stat about;

    snprintf(path, sizeof path, "/proc/%d/task", (int)tracee->pid);
    return stat(path, &about) == 0 && about.st_nlink > OTHERS ? about.st_nlink - OTHERS
                                                              : 1;
}

int find_places(struct tracee *tracee)
{
    enum { MORE = 16 /* threads that may start meanwhile */ };
    size_t threads = count_threads(tracee);

    if (open_memory(tracee) < 0)
        return -1;
    find_stack(tracee);
    tracee->code = find_unused(tracee, code_room(), 0);
    if (tracee->code == 0)
        return -1;
    if (!find_slots(tracee, threads + MORE))
        find_slots(tracee, threads);
    errno = 0;
    return 0;
}

int check_places(struct tracee *tracee)
{
    /* It may have executed another program, whose memory is another one. */
    if (tracee->memory >= 0 && tracee->code != 0 &&
        is_unused(tracee->memory, tracee->code + code_room(), code_room()))
        return 0;
    return find_places(tracee);
}

void close_places(struct tracee *tracee)
{
    if (tracee->memory >= 0)
        dz_close(tracee->memory);
    tracee->memory = -1;
    tracee->code = tracee->slots = 0;
    tracee->slot_count = 0;
}
