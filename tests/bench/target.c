/*
 * What the benchmark launches: notes when it has reached main, and ends, or stays.
 *
 * usage: target NOTE [stay]
 *
 * By the bare system call, as a preloaded library may have its own clock.
 */
#include "note.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec now;
    struct note *note;

    if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0 || argc < 2)
        return 1;
    note = map_note(argv[1], 0);
    if (note == NULL)
        return 1;
    note->reached = nanoseconds(&now);
    note->pid = getpid();
    __atomic_add_fetch(&note->count, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &note->count, NOTE_WAKE, 1, NULL, NULL, 0);
    munmap(note, sizeof *note);
    if (argc > 2 && strcmp(argv[2], "stay") == 0)
        pause();
    return 0;
}
