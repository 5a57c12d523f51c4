/*
 * Opens a pump: which streams it takes, their outputs, rings and pipes.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { PIPE_SIZE = 262144 /* fewer wake-ups than with 64 KiB */ };

/* ---- which streams ---- */

static enum dz_redirect redirect_of(const struct dz_start *start, int number)
{
    return dz_redirect_of(start->plan, start->mode, start->stream[number], number);
}

static bool is_pumped(const struct dz_start *start, int number)
{
    const struct dz_plan *plan = start->plan;

    switch (redirect_of(start, number)) {
    case DZ_PUMP:
        return true;
    case DZ_LOG:
    case DZ_FILE:
        return plan->timestamps != NULL || plan->rotate.size > 0;
    case DZ_KEEP:
        return plan->timestamps != NULL;
    case DZ_NULL:
        break;
    }
    return false;
}

/* Returns the descriptor on the file that a stream goes to. */
static int file_of(const struct dz_start *start, int number)
{
    return start->new_fd[number] >= 0 ? start->new_fd[number] : number;
}

/* Returns whether stderr goes through the channel of stdout. */
static bool joins(const struct dz_start *start)
{
    struct stat out;
    struct stat err;

    if (!is_pumped(start, 1) || !is_pumped(start, 2))
        return false;
    if (redirect_of(start, 1) == DZ_PUMP || redirect_of(start, 2) == DZ_PUMP)
        return dz_option_of_stream(start->plan, 2) == &start->plan->output &&
               start->plan->output.kind == DZ_OUTPUT_COMMAND;
    return fstat(file_of(start, 1), &out) == 0 && fstat(file_of(start, 2), &err) == 0 &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

/* ---- the output ---- */

/* Opens a stream of the caller's for writing without waiting.  Another open file of the
 * same pipe or terminal leaves the caller's own as it is. */
static int open_stream(int fd, struct output *output)
{
    enum dz_fd_kind kind = dz_kind_of_fd(fd);
    char path[32];
    int new = -1;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (kind == DZ_PIPE || kind == DZ_TERMINAL)
        new = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    output->stream = kind == DZ_SOCKET;
    return new >= 0 ? new : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int open_file(const struct dz_start *start, struct channel *channel)
{
    struct output *output = &channel->output;
    const char *path = dz_stream_log(start, channel->number);
    struct dz_text text = dz_text(output->path, sizeof output->path);

    output->kind = DZ_OUTPUT_FILE;
    if (path != NULL)
        dz_add(&text, path); /* it is no longer than this */
    output->fd = open_stream(file_of(start, channel->number), output);
    return output->fd < 0 ? -1 : output_look(output);
}

static int open_output(const struct dz_start *start, struct channel *channel)
{
    struct output *output = &channel->output;
    const struct dz_output *option = dz_option_of_stream(start->plan, channel->number);

    output->fd = -1;
    output->command_end = -1;
    output->step = option == &start->plan->output ? "output" : "error";
    if (redirect_of(start, channel->number) != DZ_PUMP)
        return open_file(start, channel);
    output->kind = option->kind;
    output->text = option->text;
    if (option->kind == DZ_OUTPUT_COMMAND)
        return open_piped_command(output);
    channel->priority = option->priority;
    /* A level that the option names is for stdout, unless it is -e's own. */
    if (channel->number == 2 && option != &start->plan->error)
        channel->priority = (option->priority & ~7) | LOG_ERR;
    return output_connect(output);
}

/* ---- the pipe ---- */

/* Opens the pipe behind fd another time, so that its flags are its own.  Returns the
 * descriptor, or -1 and sets errno. */
static int open_again(const char *directory, const char *fd, int flags)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", directory, fd);
    return open(path, O_RDWR | O_CLOEXEC | flags);
}

static int open_again_number(int fd, int flags)
{
    char digits[16];

    snprintf(digits, sizeof digits, "%d", fd);
    return open_again("/proc/self/fd", digits, flags);
}

/*
 * Makes the pipe.  The target gets it open for reading and writing: it is its own
 * reader then, and goes on without a keeper.  Without /proc it gets the write end.
 */
static int make_pipe(struct channel *channel)
{
    struct stat about;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one works as well */
    channel->pipe = open_again_number(ends[0], O_NONBLOCK);
    channel->target_fd = open_again_number(ends[0], 0);
    if (channel->pipe >= 0 && channel->target_fd >= 0) {
        close(ends[0]);
        close(ends[1]);
    } else {
        dz_close_fd(&channel->pipe);
        dz_close_fd(&channel->target_fd);
        channel->pipe = ends[0];
        channel->target_fd = ends[1];
    }
    if (fcntl(channel->pipe, F_SETFL, O_NONBLOCK) < 0 ||
        fstat(channel->pipe, &about) < 0)
        return -1;
    channel->ring.page->pipe = about.st_ino;
    return 0;
}

/* A search for a pipe among the descriptors of a process. */
struct pipe_search {
    const char *directory; /* /proc/PID/fd */
    uint64_t inode;
    struct channel *channel;
};

/* Opens the pipe that is looked for, once it is found. */
static int try_fd(const char *name, int directory, void *data)
{
    const struct pipe_search *search = data;
    struct stat about;

    if (fstatat(directory, name, &about, 0) < 0 || !S_ISFIFO(about.st_mode) ||
        about.st_ino != search->inode)
        return 0;
    search->channel->pipe = open_again(search->directory, name, O_NONBLOCK);
    search->channel->target_fd = open_again(search->directory, name, 0);
    return search->channel->pipe >= 0 && search->channel->target_fd >= 0 ? 1 : -1;
}

/* Finds the pipe of a killed keeper in the target.  Returns 1, 0 if it is not there, or
 * -1 and sets errno. */
static int find_pipe(struct channel *channel, pid_t target)
{
    char directory[32];
    struct pipe_search search = {directory, channel->ring.page->pipe, channel};

    int result;

    snprintf(directory, sizeof directory, "/proc/%ld/fd", (long)target);
    result = dz_each_entry(AT_FDCWD, directory, try_fd, &search);
    return result < 0 && (errno == ENOENT || errno == ESRCH) ? 0 : result;
}

/* ---- a channel ---- */

/* Opens the ring of a channel, and its pipe. */
static int open_ring(struct channel *channel, const char *base, pid_t target,
                     struct dz_fault *fault)
{
    struct dz_text path = dz_text(channel->ring_path, sizeof channel->ring_path);
    bool old = false;
    int found = 0;

    if (base != NULL) {
        dz_add(&path, base);
        dz_add(&path, channel->number == 1 ? ".1" : ".2");
    }
    if (path.cut)
        return dz_fault(fault, "keep", base, ENAMETOOLONG, NULL);
    if (ring_open(&channel->ring, base != NULL ? channel->ring_path : NULL, &old,
                  fault) < 0)
        return -1;
    channel->room = malloc(PUMP_OUT);
    if (channel->room == NULL)
        return dz_fault(fault, "keep", NULL, errno, NULL);
    if (old)
        channel_recover(channel);
    if (old && target > 0)
        found = find_pipe(channel, target);
    if (found < 0 || (found == 0 && make_pipe(channel) < 0))
        return dz_fault(fault, "keep", "pipe", errno, NULL);
    return 0;
}

static int open_channel(struct pump *pump, const struct dz_start *start, int number,
                        const char *base, pid_t target, struct dz_fault *fault)
{
    struct channel *channel = &pump->channels[pump->count++];
    const struct dz_plan *plan = start->plan;

    memset(channel, 0, sizeof *channel);
    channel->number = number;
    channel->both = number == 1 && joins(start);
    channel->pipe = channel->target_fd = channel->ring.file = -1;
    channel->stamps = plan->timestamps;
    channel->rotate = plan->rotate.size;
    channel->keeps = plan->rotate.count;
    if (open_output(start, channel) < 0)
        return dz_fault(fault, channel->output.step,
                        channel->output.kind == DZ_OUTPUT_SYSLOG ||
                                channel->output.kind == DZ_OUTPUT_JOURNAL
                            ? output_address(&channel->output)
                            : NULL,
                        errno, NULL);
    return open_ring(channel, base, target, fault);
}

/* Returns the job's name, or the last part of the command's. */
static const char *tag_of(const struct dz_plan *plan)
{
    const char *slash = strrchr(plan->argv[0], '/');

    if (plan->name != NULL)
        return plan->name;
    return slash != NULL ? slash + 1 : plan->argv[0];
}

/* Checks that the options about logs have a log. */
static int check_options(const struct dz_start *start, struct dz_fault *fault)
{
    const struct dz_plan *plan = start->plan;
    bool has_log = false;
    bool has_text = false;

    for (int i = 1; i < 3; i++) {
        const struct dz_output *option = dz_option_of_stream(plan, i);
        if (!is_pumped(start, i))
            continue;
        has_log = has_log || dz_stream_log(start, i) != NULL;
        has_text = has_text || redirect_of(start, i) != DZ_PUMP ||
                   option->kind == DZ_OUTPUT_COMMAND;
    }
    if (plan->rotate.size > 0 && !has_log)
        return dz_fault(fault, "rotate", NULL, 0,
                        "needs a log that dznohup opens: use -o FILE");
    if (plan->timestamps != NULL && !has_text)
        return dz_fault(
            fault, "timestamps", NULL, 0,
            "there is no output to stamp; syslog and the journal have times "
            "of their own");
    return 0;
}

/* Checks that each stream of a killed keeper's, whose ring is there, is pumped on.  A
 * stream of the caller's, which that keeper kept, cannot be opened again. */
static int check_rings(const struct pump *pump, const char *base,
                       struct dz_fault *fault)
{
    char path[PATH_MAX];

    for (int number = 1; number <= 2; number++) {
        bool has_channel = false;
        for (int i = 0; i < pump->count; i++)
            has_channel = has_channel || pump->channels[i].number == number;
        snprintf(path, sizeof path, "%s.%d", base, number);
        if (!has_channel && access(path, F_OK) == 0)
            return dz_fault(fault, "keep", path, 0,
                            "holds output for a stream that is gone");
    }
    return 0;
}

int pump_open(struct pump *pump, const struct dz_start *start, const char *base,
              pid_t target, struct dz_fault *fault)
{
    pump->name = start->plan->name;
    pump->tag = tag_of(start->plan);
    pump->envp = start->envp;
    pump->target = target;
    pump->taken = target > 0;
    pump->count = 0;
    if (check_options(start, fault) < 0)
        return -1;
    for (int number = 1; number <= 2; number++)
        if (is_pumped(start, number) && !(number == 2 && joins(start)) &&
            open_channel(pump, start, number, base, target, fault) < 0) {
            pump_close(pump, 0);
            return -1;
        }
    if (target > 0 && base != NULL && check_rings(pump, base, fault) < 0) {
        pump_close(pump, 0);
        return -1;
    }
    return 0;
}
