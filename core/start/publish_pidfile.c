/*
 * The pidfile of a start: its claim, its contents.
 */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns whether the pidfile would be among the records.  There it might be the very
 * record that this start has locked, and the start would wait for itself. */
static bool is_in_state(const struct dz_start *start)
{
    char path[PATH_MAX];
    struct dz_stat state;
    struct dz_stat directory;

    if (start->state[0] == '\0' || start->why_no_record != NULL ||
        dz_make_absolute(start->plan->pidfile, path) < 0)
        return false;
    strrchr(path, '/')[1] = '\0'; /* absolute: it has one */
    return dz_stat(AT_FDCWD, start->state, true, &state) == 0 &&
           dz_stat(AT_FDCWD, path, true, &directory) == 0 &&
           dz_same_file(&state, &directory);
}

/* Writes to the claimed file and empties it again: a full disk, a quota or RLIMIT_FSIZE
 * shows now, not when the target is about to run.  Returns 0, or -1 and sets errno. */
static int check_room(const struct dz_claim *claim)
{
    static const char longest[] = "2147483647\n";

    if (fcntl(claim->fd, F_SETFL, O_APPEND) < 0 ||
        dz_write(claim->fd, longest, sizeof longest - 1) < 0)
        return -1;
    return (int)syscall(SYS_ftruncate, claim->fd, 0L);
}

int dz_pidfile_claim(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->pidfile_claim;
    const char *path = start->plan->pidfile;
    int records;
    int result;

    if (path == NULL)
        return 0;
    if (is_in_state(start))
        return dz_fault(fault, "pidfile", path, 0,
                        "is in the directory of the jobs' records");
    /* The pidfile names the job's process, which does not change. */
    if (start->plan->resume > 0)
        return dz_make_absolute(path, claim->path) < 0
                   ? dz_fault(fault, "pidfile", path, errno, NULL)
                   : 0;
    if (dz_claim(claim, path, "pidfile", start->plan->timeout, fault) < 0)
        return -1;
    records = dz_has_record_directory(start)
                  ? open(start->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                  : -1;
    result = dz_pidfile_check(path, records, &start->pidfile_old, fault);
    dz_close_fd(&records);
    if (result == 0 && check_room(claim) < 0)
        result = dz_fault(fault, "pidfile", path, errno, NULL);
    if (result == 0)
        return 0;
    dz_claim_drop(claim);
    claim->path[0] = '\0'; /* the file belongs to another start */
    return -1;
}

int dz_publish_pidfile(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->pidfile_claim;
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    if (start->plan->pidfile == NULL)
        return 0;
    dz_add_number(&text, pid);
    dz_add(&text, "\n");
    if (dz_write(claim->fd, digits, text.length) < 0 ||
        /* Readable by its owner whatever the umask: a later start reads it. */
        dz_claim_publish(claim, S_IRUSR | (0644 & ~dz_umask_of(start))) < 0)
        return dz_fault(fault, "pidfile", start->plan->pidfile, errno, NULL);
    return 0;
}
