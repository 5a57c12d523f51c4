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

/* Returns the address of so many unused bytes in executable memory, distance bytes
 * before its end, or 0.  Prefers the kernel's own page, which no file backs. */
static uint64_t find_unused(pid_t pid, int memory, size_t size, size_t distance)
{
    char path[64];
    char line[PATH_MAX + 128];
    uint64_t found = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return 0;
    errno = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long long begin;
        unsigned long long end;
        char mode[5];
        bool kernels = strstr(line, "[vdso]") != NULL;
        if (sscanf(line, "%llx-%llx %4s", &begin, &end, mode) != 3 || mode[2] != 'x' ||
            mode[3] != 'p' || strstr(line, "[vsyscall]") != NULL ||
            (found != 0 && !kernels))
            continue;
        if (is_unused(memory, end - distance, size))
            found = end - distance - size; /* sizes are multiples of 8 */
    }
    fclose(maps);
    return found;
}

/* Finds room for the copies of that many time-outs.  Returns whether there is some. */
static bool find_slots(struct tracee *tracee, size_t count)
{
    tracee->slots =
        find_unused(tracee->living, tracee->memory, count * SLOT, CODE_AND_DISTANCE);
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
    tracee->code = find_unused(tracee->living, tracee->memory, code_room(), 0);
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
