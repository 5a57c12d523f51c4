/*
 * The waiter: a child that waits in the caller's place if the caller should not be the
 * job's subreaper, or if the job has a keeper.
 *
 * The caller may have children from before.  The processes that they leave behind
 * would become the caller's children as well, and be taken for the job's.  If a manager
 * is to be told of the job, the job must be the manager's own child when systemd reads
 * MAINPID.  The job becomes that when its subreaper ends.
 *
 * The waiter may be killed or stopped.  So the target itself tells the caller its PID,
 * and the caller has a deadline of its own, after the waiter's.
 */
#include "start.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STOP_MS = 5000,   /* for a job to end by TERM */
    GRACE_MS = 20000, /* for the waiter to stop a job and remove its files */
    EXIT_MS = 5000    /* for the waiter to end after its last words */
};

/* What the caller hears.  If result is -1 or noted is set, a fault follows. */
struct news {
    bool over;     /* the wait has ended */
    bool ended;    /* of struct dz_start */
    bool noted;    /* a fault follows: why the job has no record */
    int result;    /* of the wait */
    int interrupt; /* of struct dz_start, as child and pid */
    pid_t child;
    pid_t pid;
    int64_t deadline; /* of the waiter; dz_milliseconds */
};

static bool has_children(void)
{
    siginfo_t info; /* not read */

    /* WNOWAIT: the caller's program will reap them.  ECHILD: there are none. */
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int dz_make_waiter(struct dz_start *start, struct dz_fault *fault)
{
    int ends[2];

    if (!dz_wants_keeper(start->plan) && !has_children() &&
        dz_env(start->envp, "NOTIFY_SOCKET") == NULL)
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    dz_hold_interrupts(start);
    start->waiter_pid = fork();
    if (start->waiter_pid < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    start->result_fd = ends[start->waiter_pid == 0];
    dz_close_fd(&ends[start->waiter_pid != 0]);
    if (start->waiter_pid > 0) {
        if (dz_wants_keeper(start->plan))
            start->kept.keeper = start->waiter_pid;
        return DZ_CALLER;
    }
    start->role = DZ_WAITER_ROLE;
    return 0;
}

/* ---- the other side of the pipe ---- */

/* If the caller is gone, no process needs the news. */
static void send_news(const struct dz_start *start, const struct news *news,
                      const struct dz_fault *fault)
{
    if (dz_write_pipe(start->result_fd, news, sizeof *news) == 0 &&
        (news->result < 0 || news->noted))
        dz_write_pipe(start->result_fd, fault, sizeof *fault);
}

static struct news news_of(const struct dz_start *start, int64_t deadline)
{
    struct news news;

    memset(&news, 0, sizeof news); /* its padding goes through the pipe, too */
    news.ended = start->ended;
    news.interrupt = start->interrupt;
    news.child = start->child;
    news.pid = start->pid;
    news.deadline = deadline;
    return news;
}

void dz_tell_caller(struct dz_start *start)
{
    struct news news = news_of(start, 0);

    if (start->result_fd < 0)
        return;
    news.child = getsid(0);
    send_news(start, &news, NULL);
    dz_close_fd(&start->result_fd);
}

void dz_waiter_continues(const struct dz_start *start, int64_t deadline)
{
    struct news news = news_of(start, deadline);

    if (start->role == DZ_WAITER_ROLE)
        send_news(start, &news, NULL);
}

void dz_waiter_tells(struct dz_start *start, int result, const struct dz_fault *fault)
{
    struct news news = news_of(start, 0);

    news.over = true;
    news.result = result;
    news.noted = result >= 0 && start->why_no_record != NULL;
    send_news(start, &news, news.noted ? start->why_no_record : fault);
    dz_close_fd(&start->result_fd);
}

void dz_waiter_ends(struct dz_start *start, int result, const struct dz_fault *fault)
{
    dz_waiter_tells(start, result, fault);
    _exit(0);
}

/* ---- the caller ---- */

struct hearing {
    struct news news;
    size_t of_news;  /* bytes of it that were read */
    size_t of_fault; /* bytes of the fault that were read */
    int64_t deadline;
    int pidfd; /* of the waiter, or -1 */
    int interrupts;
};

/* Reads what the pipe holds.  Returns 1 at the last news, 0, or -1 if no more can
 * come. */
static int hear(struct hearing *hearing, struct dz_start *start, struct dz_fault *fault)
{
    struct news *news = &hearing->news;
    int result;

    while ((result = dz_read_on(start->result_fd, news, sizeof *news,
                                &hearing->of_news)) > 0) {
        if (news->result < 0 || news->noted)
            result =
                dz_read_on(start->result_fd, fault, sizeof *fault, &hearing->of_fault);
        if (result <= 0)
            return result;
        hearing->of_news = 0;
        /* The waiter may not have read yet what the target has told us. */
        if (news->pid > 0)
            start->pid = news->pid;
        if (news->child > 0)
            start->child = news->child;
        if (news->deadline > 0)
            hearing->deadline = news->deadline > INT64_MAX - GRACE_MS
                                    ? INT64_MAX
                                    : news->deadline + GRACE_MS;
        if (news->over)
            return 1;
    }
    return result;
}

/* Waits until the waiter has said its last words.  Returns 1, or -1 if it did not. */
static int hear_out(struct hearing *hearing, struct dz_start *start,
                    struct dz_fault *fault)
{
    for (;;) {
        struct pollfd wanted[] = {
            {.fd = start->result_fd, .events = POLLIN},
            {.fd = hearing->interrupts, .events = POLLIN},
            {.fd = hearing->pidfd, .events = POLLIN},
        };
        int64_t left = hearing->deadline - dz_milliseconds();
        int number;
        if (left <= 0)
            return -1;
        /* EINTR: no descriptor is ready, which the calls below find out. */
        if (poll(wanted, 3, left > INT_MAX ? INT_MAX : (int)left) < 0)
            continue;
        int result = hear(hearing, start, fault);
        if (result != 0)
            return result;
        if (wanted[2].revents != 0)
            return -1;
        /* The keyboard sends an interrupt to the waiter as well.  One that was sent to
         * the caller alone is passed on. */
        if ((number = dz_read_interrupt(hearing->interrupts)) > 0)
            kill(start->waiter_pid, number);
    }
}

/* Waits for the waiter's end, and kills it if it takes too long. */
static void reap_waiter(const struct dz_start *start, const struct hearing *hearing,
                        int64_t until)
{
    struct pollfd wanted = {.fd = hearing->pidfd, .events = POLLIN};
    int status;

    while (dz_waitpid(start->waiter_pid, &status, WNOHANG) == 0) {
        if (dz_milliseconds() >= until)
            kill(start->waiter_pid, SIGKILL);
        poll(&wanted, 1, hearing->pidfd >= 0 ? 100 : 1);
    }
}

/*
 * The waiter is gone without its last words.  Stops the job as far as it can be known
 * now, its session and what is below the target, and removes its files.
 */
static int undo(struct dz_start *start, bool killed, struct dz_fault *fault)
{
    struct dz_members members = {.session = start->child};
    struct dz_process target;
    bool stopped = true;
    char words[sizeof fault->reason];
    struct dz_text text = dz_text(words, sizeof words);

    if (start->pid > 0 && dz_read_process(start->pid, &target) == 0) {
        members.root = start->pid;
        members.oldest = target.start;
    }
    if (start->child > 0)
        stopped = dz_stop_members(&members, dz_milliseconds() + STOP_MS) == 0;
    dz_unpublish(start);
    dz_add(&text, "the process that waited for the program ");
    dz_add(&text, killed ? "was killed" : "did not answer in time");
    if (start->pid > 0)
        dz_add(&text, stopped ? "; the program was stopped"
                              : "; the program could not be stopped");
    return dz_fault(fault, "report", NULL, 0, words);
}

int dz_await_waiter(struct dz_start *start, struct dz_fault *fault)
{
    int64_t timeout = start->plan->timeout;
    int64_t now = dz_milliseconds();
    struct hearing hearing = {.deadline =
                                  timeout > 0 ? now + timeout + GRACE_MS : INT64_MAX};
    bool killed;
    bool goes_on;
    int result;

    fcntl(start->result_fd, F_SETFL, O_NONBLOCK); /* cannot fail for a pipe of ours */
    /* -1: its end closes the pipe. */
    hearing.pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, start->waiter_pid, 0);
    hearing.interrupts = dz_open_interrupts(start, fault);
    result = hear_out(&hearing, start, fault);
    killed = result < 0 && dz_milliseconds() < hearing.deadline;
    goes_on = result > 0 && hearing.news.result == 0 && dz_wants_keeper(start->plan);
    if (!goes_on)
        reap_waiter(start, &hearing, result > 0 ? dz_milliseconds() + EXIT_MS : 0);
    /* Its last words may have come between the look and its end. */
    if (result < 0 && hear(&hearing, start, fault) > 0)
        result = 1;
    dz_close_fd(&start->result_fd);
    dz_close_fd(&hearing.pidfd);
    dz_close_fd(&hearing.interrupts);
    if (result < 0)
        return undo(start, killed, fault);
    start->ended = hearing.news.ended;
    start->interrupt = hearing.news.interrupt;
    if (hearing.news.noted) {
        start->no_record = *fault;
        start->why_no_record = &start->no_record;
    }
    return hearing.news.result;
}
