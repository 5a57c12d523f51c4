/*
 * The keeper's socket, to which the program sends sd_notify(3) as long as it runs.
 *
 * Each run has a socket of its own, so that no word of one run is taken for another's.
 * It has an abstract name.  A keeper that takes the place of a killed one opens a
 * socket with the name that the program knows.
 */
#include "keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool hears_program(const struct keeper *keeper)
{
    /* Without a /proc of our own it is unknown whether a sender belongs to the job. */
    return keeper->start->plan->watchdog > 0 ||
           (keeper->manager.there && dz_proc_is_ours());
}

static void take_line(struct keeper *keeper, const char *line)
{
    if (strncmp(line, "WATCHDOG=", 9) == 0)
        watchdog_hear(keeper, line + 9);
    else if (strncmp(line, "WATCHDOG_USEC=", 14) == 0)
        watchdog_change(keeper, line + 14);
}

/* Takes a datagram of the program's. */
static void hear(void *hearer, const char *said)
{
    struct keeper *keeper = hearer;
    char line[32]; /* the words of the watchdog are shorter */

    manager_pass(keeper, said);
    if (keeper->start->plan->watchdog == 0)
        return;
    for (size_t length; *said != '\0'; said += length + (said[length] == '\n')) {
        length = strcspn(said, "\n");
        if (length >= sizeof line)
            continue;
        memcpy(line, said, length);
        line[length] = '\0';
        take_line(keeper, line);
    }
}

int open_hearing(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;

    if (!hears_program(keeper))
        return 0;
    if (!dz_proc_is_ours())
        return dz_fault(fault, "watchdog", "/proc", EOPNOTSUPP,
                        dz_why_unknown(EOPNOTSUPP));
    start->notify.hear = hear;
    start->notify.hearer = keeper;
    return start->notify.fd >= 0 ? 0 : dz_notify_open(start, NULL, fault);
}

void hear_program(struct keeper *keeper)
{
    struct dz_members members = keeper->members;

    if (keeper->start->notify.fd < 0)
        return;
    /* A program that was taken over is not below us. */
    members.with_root = keeper->taken.pid != 0;
    dz_notify_read(&keeper->start->notify, &members);
}

/* ---- of a keeper that was killed ---- */

/* Reads a file of /proc to memory.  Returns it, with a zero behind its end, or NULL. */
static char *read_all(const char *path, size_t *length)
{
    char *text = NULL;
    ssize_t n = 0;

    for (size_t size = 16384; size <= (size_t)1 << 26; size *= 2) {
        char *more = realloc(text, size);
        if (more == NULL)
            break;
        text = more;
        n = dz_read_file(path, text, size);
        if (n >= 0 && (size_t)n < size - 1) {
            *length = (size_t)n;
            return text;
        }
    }
    free(text);
    return NULL;
}

/* Returns the program's NOTIFY_SOCKET, allocated, or NULL. */
static char *programs_socket(pid_t pid)
{
    static const char key[] = "NOTIFY_SOCKET=@";
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);
    size_t length = 0;
    char *name = NULL;
    char *list;

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/environ");
    list = read_all(path, &length);
    if (list == NULL)
        return NULL;
    for (size_t at = 0; name == NULL && at < length; at += strlen(list + at) + 1)
        if (strncmp(list + at, key, sizeof key - 1) == 0)
            name = strdup(list + at + sizeof key - 2);
    free(list);
    return name;
}

void resume_hearing(struct keeper *keeper)
{
    struct dz_start *start = keeper->start;
    struct dz_fault fault;
    char words[DZ_MESSAGE_MAX];
    struct dz_text text = dz_text(words, sizeof words);
    char *name;

    watchdog_begin(keeper);
    if (start->plan->watchdog == 0)
        return;
    name = programs_socket(start->pid);
    errno = ENOENT;
    if (name != NULL && dz_notify_open(start, name, &fault) == 0) {
        start->notify.hear = hear;
        start->notify.hearer = keeper;
        watchdog_feed(keeper);
    } else {
        dz_add(&text, "watchdog: cannot hear this run: ");
        dz_add_error(&text, name != NULL ? fault.err : ENOENT);
        say_line(keeper, words);
    }
    free(name);
}
