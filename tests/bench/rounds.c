/*
 * Starts every variant once a round, in a new random order each round, and
 * prints how long each start took: "VARIANT RETURN REACHED", the last two in
 * nanoseconds from before vfork until the launcher has been waited for, and
 * until the target's main.
 *
 * usage: rounds COUNT NOTE PIDFILE [LIMIT [DESCRIPTORS]] <VARIANTS
 *
 * A variant is a line of words with a tab between; NAME=VALUE in front of the
 * command go to its environment.  NOTE is a file that the variants' target
 * writes to; a target that stays is killed when the launcher has returned.  A
 * command after the word "closing" is executed once 3 and up are closed, one after
 * "leaving" two forks further down, too.
 * PIDFILE is unlinked after each start.  LIMIT becomes RLIMIT_NOFILE, and
 * DESCRIPTORS more are open in the launcher.
 *
 * Streams are /dev/null.  A start begins only when every process of the one
 * before has ended and has been reaped, here, and not by an init that takes its
 * time.  A start that fails or hangs ends it all.
 */
#include "note.h"
#include "syscalls.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VARIANTS = 64, WORDS = 32, HANGS = 20 /* s */ };

struct variant {
    char *argv[WORDS];
    char **envp;
    bool stays;
    bool leaves;
    bool closes;
};

extern char **environ;
static struct variant variants[VARIANTS];
static int count;
static struct note *note;
static const char *pidfile;

/* The environment and one more. */
static char **with(char **envp, char *entry)
{
    size_t n = 0;
    char **longer;

    while (envp[n] != NULL)
        n++;
    longer = calloc(n + 2, sizeof *longer);
    if (longer == NULL)
        err(1, "calloc");
    memcpy(longer, envp, n * sizeof *longer);
    longer[n] = entry;
    return longer;
}

static void read_variants(void)
{
    static char line[4096];

    while (fgets(line, sizeof line, stdin) != NULL) {
        struct variant *variant = &variants[count++];
        char *rest = strdup(line);
        int n = 0;
        if (rest == NULL || count > VARIANTS)
            errx(1, "too many variants");
        rest[strcspn(rest, "\n")] = '\0';
        variant->envp = environ;
        for (char *word; (word = strsep(&rest, "\t")) != NULL;) {
            if (n == 0 && strchr(word, '=') != NULL)
                variant->envp = with(variant->envp, word);
            else if (n == 0 && strcmp(word, "leaving") == 0)
                variant->leaves = true;
            else if (n == 0 && strcmp(word, "closing") == 0)
                variant->closes = true;
            else if (n < WORDS - 1)
                variant->argv[n++] = word;
            else
                errx(1, "too many words");
        }
        variant->stays = strcmp(variant->argv[n - 1], "stay") == 0;
    }
}

/* Fisher and Yates'. */
static void shuffle(int *order)
{
    for (int i = count - 1; i > 0; i--) {
        int j = (int)(random() % (i + 1));
        int other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return nanoseconds(&time);
}

__attribute__((noreturn)) static void execute(const struct variant *variant)
{
    if (variant->closes && syscall(DZ_SYS_CLOSE_RANGE, 3, ~0U, 0) != 0)
        _exit(126);
    execve(variant->argv[0], variant->argv, variant->envp);
    _exit(127);
}

/* The least that a start in the background is: the caller waits for the first
 * child, which leaves the second behind. */
__attribute__((noreturn)) static void leave(const struct variant *variant)
{
    pid_t pid = fork();
    int status;

    if (pid > 0)
        _exit(waitpid(pid, &status, 0) == pid ? status != 0 : 125);
    if (pid == 0)
        pid = fork();
    if (pid == 0)
        execute(variant);
    _exit(pid < 0);
}

static void start(int which)
{
    const struct variant *variant = &variants[which];
    int64_t begun;
    int64_t returned;
    uint32_t targets = note->count;
    int status;
    pid_t pid;

    alarm(HANGS);
    begun = now();
    pid = variant->leaves ? fork() : vfork(); /* a child of vfork may not fork */
    if (pid == 0 && variant->leaves)
        leave(variant);
    if (pid == 0)
        execute(variant);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        err(1, "%s", variant->argv[0]);
    returned = now();
    if (status != 0)
        errx(1, "variant %d: %s: status 0x%x", which, variant->argv[0],
             (unsigned)status);
    /* Some launchers return before the target is there. */
    while (__atomic_load_n(&note->count, __ATOMIC_SEQ_CST) == targets)
        syscall(SYS_futex, &note->count, NOTE_WAIT, targets, NULL, NULL, 0);
    if (variant->stays)
        kill(note->pid, SIGKILL);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    unlink(pidfile); /* is there only where the variant writes one */
    printf("%d %lld %lld\n", which, (long long)(returned - begun),
           (long long)(note->reached - begun));
}

/* Our own results and complaints go elsewhere, closed for the launchers. */
static void redirect(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int complaints = fcntl(2, F_DUPFD_CLOEXEC, 3);

    if (null < 0 || out < 0 || complaints < 0 || dup2(null, 0) < 0 ||
        dup2(null, 1) < 0 || dup2(null, 2) < 0)
        err(1, "streams");
    stdout = fdopen(out, "w");
    stderr = fdopen(complaints, "w");
    if (stdout == NULL || stderr == NULL)
        exit(1);
}

static void open_descriptors(rlim_t limit, int descriptors)
{
    struct rlimit both = {limit, limit};

    if (setrlimit(RLIMIT_NOFILE, &both) != 0)
        err(1, "RLIMIT_NOFILE");
    while (descriptors-- > 0)
        if (open("/dev/null", O_RDONLY) < 0)
            err(1, "/dev/null");
}

int main(int argc, char **argv)
{
    int order[VARIANTS];

    if (argc < 4)
        errx(1, "usage: rounds COUNT NOTE PIDFILE [LIMIT [DESCRIPTORS]] <VARIANTS");
    note = map_note(argv[2], O_CREAT);
    pidfile = argv[3];
    if (note == NULL || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        err(1, "%s", argv[2]);
    read_variants();
    redirect();
    if (argc > 4)
        open_descriptors((rlim_t)atoll(argv[4]), argc > 5 ? atoi(argv[5]) : 0);
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int round = atoi(argv[1]); round > 0; round--) {
        shuffle(order);
        for (int i = 0; i < count; i++)
            start(order[i]);
    }
    return fclose(stdout) != 0;
}
