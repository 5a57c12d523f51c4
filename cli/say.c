/*
 * The words of the launcher, to the caller's stderr.
 *
 * Written by write(2), because in stay mode the process is about to become the
 * target, and stdio's buffers would be lost or flushed into its log.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char program[] = "dznohup";

/* Where stderr itself fails there is nowhere left to say so. */
static void put(int fd, const char *text)
{
    dz_write(fd, text, strlen(text));
}

int tell(int fd, const struct dz_fault *fault)
{
    char text[DZ_MESSAGE_MAX];

    dz_fault_text(fault, program, text);
    put(fd, text);
    return fault->status;
}

static const char *why_left(enum dz_left left)
{
    switch (left) {
    case DZ_LEFT_FOREGROUND:
        return " in the background";
    case DZ_LEFT_GROUP:
        return " apart from its pipeline";
    default:
        return "";
    }
}

static bool uses_default_log(const struct dz_plan *plan)
{
    return plan->log.path[0] != '\0' &&
           (plan->output == NULL || strcmp(plan->output, "-") == 0);
}

void say_started(const struct dz_plan *plan)
{
    bool logs = uses_default_log(plan);
    char text[PATH_MAX + 256];
    char pid[64] = "";

    if (plan->quiet)
        return;
    if (plan->terminal_kept)
        put(plan->tell_fd, "dznohup: warning: other processes share the session, so it "
                           "keeps its controlling terminal\n");
    if (!logs && plan->left == DZ_NOT_LEFT)
        return;
    if (plan->mode == DZ_LEAVE)
        snprintf(pid, sizeof pid, "PID %ld runs%s", (long)plan->pid,
                 why_left(plan->left));
    snprintf(text, sizeof text, "%s: %s%s%s%s\n", program, pid,
             *pid && logs ? ", " : "", logs ? "appending output to " : "",
             logs ? plan->log.path : "");
    put(plan->tell_fd, text);
}

void say_relative(const struct dz_plan *plan, const char *argument)
{
    char text[PATH_MAX + 256];

    /* It names an existing file, so it is no longer than a path can be. */
    snprintf(text, sizeof text,
             "%s: warning: %.*s is a relative path, but the program will run in /; "
             "-C . makes it run here\n",
             program, PATH_MAX, argument);
    put(plan->tell_fd, text);
}

void say_step(const struct dz_plan *plan, const char *step)
{
    char row[160];
    char line[200];

    dz_row(step, row, sizeof row);
    snprintf(line, sizeof line, "%s: %s\n", program, row);
    put(plan->tell_fd, line);
}
