/*
 * Looks for a text in what this run has written to its logs.
 *
 * A log is read through the descriptor that was opened at the start: its name may lead
 * to another file by now.  If a keeper writes the log, its name is all that is known.
 */
#include "wait.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file.  Returns the descriptor, or -1. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct dz_stat about;

    if (fd >= 0 && (dz_stat(fd, "", true, &about) < 0 || !S_ISREG(about.mode)))
        dz_close_fd(&fd);
    return fd;
}

/* Opens the log of that stream: the file of the descriptor, or, if that is a keeper's
 * pipe, the file of the log's name.  Returns the descriptor, or -1. */
static int open_to_read(int stream, const struct dz_log *log)
{
    char path[40];
    struct dz_text text = dz_text(path, sizeof path);
    int fd;

    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, stream);
    fd = open_file(path);
    return fd < 0 && log->path[0] != '\0' ? open_file(log->path) : fd;
}

bool dz_find_log_line(struct dz_log_line *search, const struct dz_start *start,
                      const struct dz_condition *condition)
{
    bool found = false;

    for (int i = 0; i < 2 && !found; i++) {
        bool own = i == 1 && start->error_log.path[0] != '\0';
        const struct dz_log *log = own ? &start->error_log : &start->log;
        int fd;
        if (start->new_fd[1 + i] < 0 || !dz_has_log(start, 1 + i))
            continue;
        if (!search->begun[i])
            search->at[i] = log->size;
        search->begun[i] = true;
        fd = open_to_read(start->new_fd[1 + i], log);
        if (fd < 0)
            continue; /* without /proc the wait ends by its time-out */
        found = dz_search_file(fd, &search->at[i], condition->path,
                               (size_t)condition->path_length);
        dz_close(fd);
    }
    return found;
}
