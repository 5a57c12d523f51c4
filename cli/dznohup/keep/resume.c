/*
 * The program of a keeper that was killed: this keeper goes on in its place.
 *
 * The program is no child of ours, and its descendants will not be.  So a pidfd tells
 * its end, and the kernel its status, if that is kept.  The processes that it leaves
 * behind are found by their session.  All else is on the record.
 */
#include "keep.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the record to memory.  Returns it, or NULL and sets errno. */
static char *read_record(const char *path)
{
    struct dz_stat about;
    int fd = dz_record_open(AT_FDCWD, path);
    char *text = NULL;
    size_t size;
    ssize_t n = -1;

    if (fd < 0)
        return NULL;
    if (dz_stat(fd, "", true, &about) == 0) {
        size = (size_t)about.size; /* a record is small */
        text = malloc(size + 1);
        n = text != NULL ? dz_read_at(fd, text, size, 0) : -1;
    }
    dz_close(fd);
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* Returns the number of the last line with that key, "\nKEY ", or otherwise. */
static int64_t number_of(const char *text, const char *key, int64_t otherwise)
{
    int64_t number = otherwise;
    size_t length = strlen(key);

    for (const char *at = text; (at = strstr(at, key)) != NULL;) {
        at += length;
        const char *value = at;
        int64_t read;
        if (dz_read_long(&value, &read) == 0)
            number = read;
    }
    return number;
}

/* Takes what the record tells of the runs so far. */
static void take_runs(struct keeper *keeper, const struct dz_record *record,
                      const char *text)
{
    struct dz_kept *kept = &keeper->start->kept;

    kept->first = record->first;
    kept->began = number_of(text, "\nbegan ", record->since);
    kept->restarts = (int)number_of(text, "\nrestarts ", 0);
    kept->last = (int)number_of(text, "\nlast ", -1);
    kept->silent = number_of(text, "\nwatchdog ", 0) != 0;
    keeper->began = dz_milliseconds() - (dz_now() - record->since) * 1000;
    /* A note that does not hold any more is to go. */
    if (strstr(text, "\nnote ") != NULL)
        memcpy(keeper->note, "?", 2);
    keeper->members.root = record->who.pid;
    keeper->members.oldest = record->who.start;
    /* If others were in the session before the job, it is not the job's own. */
    if (strstr(text, "\nolder ") == NULL)
        keeper->members.session = record->session;
}

int find_program(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;
    const char *path = start->record_claim.path;
    struct dz_record record;
    char *text = read_record(path);

    if (text == NULL || dz_record_parse(text, &record) == NULL) {
        dz_fault(fault, "resume", path, text == NULL ? errno : EINVAL, NULL);
        free(text);
        return -1;
    }
    take_runs(keeper, &record, text);
    free(text);
    keeper->taken = record.who;
    start->pid = record.who.pid;
    keeper->pidfd = dz_open_process(&record.who);
    return keeper->pidfd < 0 ? dz_fault_number(fault, "resume", start->pid, errno, NULL)
                             : 0;
}

int resume_program(struct keeper *keeper, struct dz_fault *fault)
{
    struct request unheard;

    /* What has come so far, as Ctrl-C does, was to interrupt this start alone.  From
     * the moment at which the record names the keeper, signals are for the job. */
    while (next_signal(keeper, &unheard))
        ;
    return dz_publish_keeper(keeper->start, fault);
}

bool taken_has_ended(struct keeper *keeper)
{
    struct pollfd wanted = {.fd = keeper->pidfd, .events = POLLIN};
    struct dz_process self;

    if (poll(&wanted, 1, 0) <= 0)
        return false;
    keeper->status = dz_final_status(keeper->pidfd, keeper->taken.pid);
    /* Another process may get its PID. */
    keeper->members.root = getpid();
    keeper->members.oldest =
        dz_read_process(getpid(), &self) == 0 ? self.start : keeper->taken.start;
    return true;
}
