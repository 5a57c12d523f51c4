/*
 * Unused bytes in the target: zeros behind the end of a file or of the kernel's page,
 * in executable memory that belongs to the process alone.
 */
#include "adopt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
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

uint64_t find_unused(pid_t pid, int memory, size_t size, size_t distance)
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
