/*
 * Our own service manager, NOTIFY_SOCKET of the keeper: what it is told.
 *
 * The keeper is the service's main process: its end is that of the job.  The program
 * speaks to the keeper, which passes on what is the manager's.  While no program runs
 * that could, the keeper feeds the manager's watchdog.
 */
#include "keep.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Returns the time of the manager's watchdog in milliseconds; 0: it has none for us. */
static int64_t managers_watchdog(const struct dz_start *start)
{
    const char *time = dz_env(start->envp, "WATCHDOG_USEC");
    const char *name = dz_env(start->envp, "WATCHDOG_PID");
    /* In leave mode the manager knows our caller. */
    pid_t called = start->mode == DZ_LEAVE ? getppid() : getpid();
    int64_t microseconds;

    if (time == NULL || dz_read_long(&time, &microseconds) < 0 || *time != '\0' ||
        (name != NULL && dz_read_number(&name) != called))
        return 0;
    return microseconds / 1000;
}

void manager_find(struct keeper *keeper)
{
    /* A program that is taken over has the manager of the keeper that was killed. */
    keeper->manager.there =
        keeper->start->plan->resume == 0 && dz_has_manager(keeper->start->envp);
    if (keeper->manager.there)
        keeper->manager.within = managers_watchdog(keeper->start);
    keeper->manager.feed_at = dz_milliseconds();
}

static void say_failed_manager(struct keeper *keeper)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    dz_add(&text, "the manager: ");
    dz_add_error(&text, errno);
    say_line(keeper, words);
}

/* Returns whether only the program itself may tell the manager that it is ready.  That
 * is so in stay mode, where the manager knows the program, without a condition. */
static bool program_says_ready(const struct keeper *keeper)
{
    return keeper->start->mode == DZ_STAY && keeper->start->plan->wait.count == 0;
}

/* Feeds the manager's watchdog. */
static void feed(struct keeper *keeper)
{
    if (keeper->manager.within == 0)
        return;
    /* A failure: the manager itself tells of the silence. */
    dz_tell_words(keeper->start->envp, "WATCHDOG=1");
    keeper->manager.feed_at = dz_milliseconds() + keeper->manager.within / 2;
}

void manager_ready(struct keeper *keeper, bool first)
{
    const struct dz_start *start = keeper->start;
    int result;

    feed(keeper); /* the program has all of its time */
    if (start->mode == DZ_STAY && first && start->plan->ready_fd > 0) {
        result = dz_tell_manager(start, getpid(), 0);
        close(start->plan->ready_fd); /* all was written */
    } else if (start->mode == DZ_LEAVE && first) {
        keeper->manager.ready = keeper->manager.there; /* the caller tells it */
        return;
    } else if (!keeper->manager.there || program_says_ready(keeper)) {
        return;
    } else {
        result = dz_notify_manager(start->envp, getpid(), 0);
    }
    keeper->manager.ready = keeper->manager.there;
    if (result < 0)
        say_failed_manager(keeper);
}

void manager_reloading(struct keeper *keeper)
{
    struct timespec now;
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    if (!keeper->manager.ready)
        return;
    keeper->manager.ready = false;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a valid clock */
    dz_add(&text, "RELOADING=1\nMONOTONIC_USEC=");
    dz_add_number(&text, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    if (dz_tell_words(keeper->start->envp, words) < 0)
        say_failed_manager(keeper);
}

/* ---- its watchdog ---- */

/* Returns whether a program runs that can feed it. */
static bool program_feeds(const struct keeper *keeper)
{
    return keeper->phase == PHASE_RUNNING || keeper->phase == PHASE_STOPPING;
}

int64_t manager_look(struct keeper *keeper)
{
    if (keeper->manager.within == 0 || program_feeds(keeper))
        return INT64_MAX;
    if (dz_milliseconds() >= keeper->manager.feed_at)
        feed(keeper);
    return keeper->manager.feed_at;
}

/* ---- what the program says ---- */

static bool begins(const char *line, const char *name)
{
    return strncmp(line, name, strlen(name)) == 0;
}

/* A line ends at a newline, or with the datagram. */
static bool is_ready(const char *line)
{
    static const char word[] = "READY=1";

    return begins(line, word) && strcspn(line, "\n") == sizeof word - 1;
}

/* Returns whether the manager is to know that line of the program's. */
static bool is_managers(const struct keeper *keeper, const char *line)
{
    static const char *const names[] = {
        "STATUS=",    "ERRNO=",     "BUSERROR=", "EXTEND_TIMEOUT_USEC=",
        "WATCHDOG=1", "RELOADING=", "X_",        "MONOTONIC_USEC="};
    const struct dz_plan *plan = keeper->start->plan;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (begins(line, names[i]))
            return true;
    /* A start with conditions is ready when these hold, and the keeper says so. */
    if (is_ready(line))
        return keeper->phase != PHASE_STARTING || program_says_ready(keeper);
    /* After another end the next run follows. */
    if (begins(line, "STOPPING="))
        return keeper->stopping || plan->restart.policy == DZ_RESTART_NEVER;
    return begins(line, "WATCHDOG") && plan->watchdog == 0;
}

void manager_pass(struct keeper *keeper, const char *said)
{
    enum { LONGEST = 4096 }; /* of a datagram that is read */
    char words[LONGEST + 1];
    struct dz_text text = dz_text(words, sizeof words);
    bool awaited = keeper->start->mode == DZ_LEAVE && !keeper->told;

    if (!keeper->manager.there || awaited)
        return;
    for (size_t length; *said != '\0'; said += length + (said[length] == '\n')) {
        length = strcspn(said, "\n");
        if (length == 0 || !is_managers(keeper, said))
            continue;
        dz_add(&text, text.length > 0 ? "\n" : "");
        dz_add_bytes(&text, said, length);
        if (is_ready(said))
            keeper->manager.ready = true;
    }
    if (text.length > 0)
        dz_tell_words(keeper->start->envp, words); /* a failure: it reads no more */
}
