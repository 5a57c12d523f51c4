/*
 * The pump as the keeper sees it: the channels of one job.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_MS = 1000 /* between two starts of a command */ };

/* ---- polling ---- */

/* Returns the channel of a stream, or NULL. */
static const struct channel *channel_of(const struct pump *pump, int number)
{
    for (int i = 0; i < pump->count; i++)
        if (pump->channels[i].number == number ||
            (number == 2 && pump->channels[i].both))
            return &pump->channels[i];
    return NULL;
}

int pump_target_fd(const struct pump *pump, int number)
{
    const struct channel *channel = channel_of(pump, number);

    return channel != NULL ? channel->target_fd : -1;
}

int pump_log_fd(const struct pump *pump, int number)
{
    const struct channel *channel = channel_of(pump, number);

    return channel != NULL && channel->output.regular ? channel->output.fd : -1;
}

int pump_next_fd(const struct pump *pump, int from)
{
    int next = -1;

    for (int i = 0; i < pump->count; i++) {
        const struct channel *channel = &pump->channels[i];
        const int own[] = {channel->pipe, channel->target_fd, channel->output.fd,
                           channel->output.command_end, channel->ring.file};
        for (size_t n = 0; n < sizeof own / sizeof own[0]; n++)
            if (own[n] >= from && (next < 0 || own[n] < next))
                next = own[n];
    }
    return next;
}

int pump_polls(const struct pump *pump, struct pollfd polls[PUMP_POLLS])
{
    for (int i = 0; i < pump->count; i++) {
        const struct channel *channel = &pump->channels[i];
        bool takes = channel->trouble == 0 && !channel_is_pending(channel);
        struct pollfd *pair = &polls[(size_t)i * 2];
        pair[0] = (struct pollfd){.fd = takes ? channel->pipe : -1, .events = POLLIN};
        pair[1] = (struct pollfd){.fd = channel->waits ? channel->output.fd : -1,
                                  .events = POLLOUT};
    }
    return 2 * pump->count;
}

/* Returns whether a command has to be started. */
static bool lacks_command(const struct output *output)
{
    return output->kind == DZ_OUTPUT_COMMAND && output->command == 0;
}

int pump_timeout(const struct pump *pump)
{
    int64_t next = INT64_MAX;
    int64_t now = dz_milliseconds();

    for (int i = 0; i < pump->count; i++) {
        const struct channel *channel = &pump->channels[i];
        if (channel->goes_on)
            return 0;
        if (channel->trouble != 0 && channel->retry_at < next)
            next = channel->retry_at;
        if (lacks_command(&channel->output) && channel->output.command_after < next)
            next = channel->output.command_after;
    }
    if (next == INT64_MAX)
        return -1;
    return next > now ? (int)(next - now) : 0;
}

/* Starts the command of an output if it does not run. */
static void run_command(struct pump *pump, struct output *output)
{
    if (!lacks_command(output) || dz_milliseconds() < output->command_after)
        return;
    output->command_after = dz_milliseconds() + COMMAND_MS;
    start_piped_command(output, pump->envp); /* if it fails, it is tried again */
}

void pump_run(struct pump *pump)
{
    for (int i = 0; i < pump->count; i++) {
        run_command(pump, &pump->channels[i].output);
        channel_run(pump, &pump->channels[i]);
    }
}

bool pump_drain(struct pump *pump)
{
    bool drained = true;

    for (int i = 0; i < pump->count; i++)
        channel_end(&pump->channels[i]);
    pump_run(pump);
    for (int i = 0; i < pump->count; i++)
        if (!channel_is_drained(&pump->channels[i]))
            drained = false;
    return drained;
}

/* ---- what the keeper is told ---- */

void pump_say(struct pump *pump, const char *line)
{
    char text[PIPE_BUF]; /* a write of this size is whole or not at all */
    struct dz_text out = dz_text(text, sizeof text - 1);
    struct channel *channel = pump->count > 0 ? &pump->channels[pump->count - 1] : NULL;

    if (channel == NULL)
        return;
    if (channel->torn)
        dz_add(&out, "\n");
    dz_add(&out, line);
    text[out.length++] = '\n';
    /* If the pipe is full, the target's own lines count more. */
    if (write(channel->pipe, text, out.length) < 0)
        return;
    channel->torn = false;
}

void pump_reopen(struct pump *pump)
{
    for (int i = 0; i < pump->count; i++)
        channel_reopen(&pump->channels[i]);
}

void pump_rotate(struct pump *pump)
{
    for (int i = 0; i < pump->count; i++)
        channel_rotate(&pump->channels[i]);
}

bool pump_reaped(struct pump *pump, pid_t pid, int status)
{
    for (int i = 0; i < pump->count; i++) {
        struct output *output = &pump->channels[i].output;
        if (pid == 0 || output->command != pid)
            continue;
        output->command = 0;
        output->command_status = status;
        output->command_ended = true;
        return true;
    }
    return false;
}

/* Appends what the output of a channel is called. */
static void add_output(const struct output *output, struct dz_text *text)
{
    switch (output->kind) {
    case DZ_OUTPUT_SYSLOG:
    case DZ_OUTPUT_JOURNAL:
        dz_add(text, output_address(output));
        break;
    case DZ_OUTPUT_COMMAND:
        dz_add(text, output->text);
        break;
    default:
        dz_add(text, output->path[0] != '\0' ? output->path : output->step);
    }
}

/* Appends how the command of an output has ended. */
static void add_status(const struct output *output, struct dz_text *text)
{
    int status = output->command_status;

    if (WIFSIGNALED(status)) {
        dz_add(text, "ended by SIG");
        dz_add_signal(text, WTERMSIG(status));
    } else {
        dz_add(text, "ended with status ");
        dz_add_number(text, WEXITSTATUS(status));
    }
}

bool pump_trouble(const struct pump *pump, struct dz_text *text)
{
    for (int i = 0; i < pump->count; i++) {
        const struct channel *channel = &pump->channels[i];
        int err = channel->trouble != 0 ? channel->trouble : channel->name_trouble;
        bool ended = lacks_command(&channel->output) && channel->output.command_ended;
        if (err == 0 && !ended)
            continue;
        add_output(&channel->output, text);
        dz_add(text, ": ");
        if (err != 0)
            dz_add_error(text, err);
        else
            add_status(&channel->output, text);
        return true;
    }
    return false;
}

/* ---- the end ---- */

/* Waits for a command that has seen the end of its input; ends it at the time until. */
static void end_command(struct output *output, int64_t until)
{
    struct dz_identity who;
    int status;

    while (output->command != 0 && dz_milliseconds() < until) {
        if (dz_waitpid(output->command, &status, WNOHANG) != 0)
            output->command = 0;
        else
            poll(NULL, 0, 10);
    }
    if (output->command == 0)
        return;
    if (dz_identify(output->command, &who) == 0)
        dz_stop_process(&who, SIGTERM, dz_milliseconds() + COMMAND_MS);
    else
        kill(output->command, SIGKILL); /* our child, which was not reaped */
    dz_waitpid(output->command, &status, 0);
    output->command = 0;
}

/* Returns whether text waits for a command to read it. */
static bool has_unread(const struct output *output)
{
    int left;

    return output->command_end >= 0 &&
           ioctl(output->command_end, FIONREAD, &left) == 0 && left > 0;
}

/* Lets the command read all that waits, and end.  If it has ended before, it is started
 * again. */
static void finish_command(struct pump *pump, struct output *output, int64_t until)
{
    enum { STARTS = 2 };

    if (output->kind != DZ_OUTPUT_COMMAND)
        return;
    end_command(output, until);
    for (int i = 0; i < STARTS && has_unread(output) && dz_milliseconds() < until; i++)
        if (start_piped_command(output, pump->envp) == 0)
            end_command(output, until);
    dz_close_fd(&output->command_end);
}

static void close_channel(struct channel *channel)
{
    dz_close_fd(&channel->output.fd);
    dz_close_fd(&channel->pipe);
    dz_close_fd(&channel->target_fd);
    ring_close(&channel->ring);
    free(channel->room);
    channel->room = NULL;
}

/* Removes the file of a ring that holds nothing. */
static void remove_ring(const struct channel *channel)
{
    if (channel->ring_path[0] != '\0' && channel->ring.file >= 0 &&
        !channel_is_pending(channel) && ring_length(&channel->ring) == 0)
        unlink(channel->ring_path);
}

void pump_close(struct pump *pump, int64_t until)
{
    /* Of a job that goes on, the ring tells the next keeper which pipe is the job's. */
    bool goes_on = pump->taken && until == 0;

    for (int i = 0; i < pump->count; i++) {
        if (!goes_on)
            remove_ring(&pump->channels[i]);
        close_channel(&pump->channels[i]);
    }
    for (int i = 0; i < pump->count; i++)
        finish_command(pump, &pump->channels[i].output, until);
    pump->count = 0;
}
