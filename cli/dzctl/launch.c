/*
 * Runs dznohup with what a record tells of a job.
 *
 * The environment is never stored: it is read from the process while that runs, or is
 * the caller's.  dznohup lies beside this program or is on PATH.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the environment ---- */

bool is_of_a_start(const char *entry)
{
    static const char *const names[] = {
        "DZ_",         "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=",
        "LISTEN_FDS=", "LISTEN_PID=",    "LISTEN_FDNAMES="};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Adds a string to a list that ends in NULL and has room for it. */
static void append(char **list, char *string)
{
    while (*list != NULL)
        list++;
    *list = string;
}

/* Returns an allocated copy of the environment without what belongs to one start, but
 * with the state directory of this process.  Returns NULL if memory runs out. */
static char **clean_environment(char **envp)
{
    size_t count = 0;
    char **clean;

    while (envp[count] != NULL)
        count++;
    clean = calloc(count + 2, sizeof *clean);
    for (size_t i = 0; clean != NULL && i < count; i++)
        if (!is_of_a_start(envp[i]))
            append(clean, envp[i]);
    for (char **at = environ; clean != NULL && *at != NULL; at++)
        if (strncmp(*at, "DZ_STATE_DIR=", 13) == 0)
            append(clean, *at);
    return clean;
}

char **read_environment(pid_t pid)
{
    char path[32];
    char *text = NULL;
    size_t length = 0;
    size_t size = 0;
    size_t count = 0;
    ssize_t n = 1;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    while (n > 0) {
        if (size - length < 2) {
            char *more = realloc(text, size = 2 * size + 16384);
            if (more == NULL)
                break;
            text = more;
        }
        n = read(fd, text + length, size - 1 - length);
        length += n > 0 ? (size_t)n : 0;
    }
    dz_close(fd);
    if (n != 0) {
        free(text);
        return NULL;
    }
    text[length] = '\0';
    for (size_t i = 0; i < length; i++)
        count += text[i] == '\0';
    char **list = calloc(count + 2, sizeof *list);
    size_t i = 0;
    for (size_t at = 0; list != NULL && at < length; at += strlen(text + at) + 1)
        list[i++] = text + at;
    if (list == NULL || i == 0)
        free(text); /* else the list points into it */
    return list;
}

void free_environment(char **list)
{
    free(list[0]);
    free(list);
}

/* ---- the command line ---- */

const char *option_of(const struct job *job, const char *name)
{
    size_t length = strlen(name);

    for (char **option = job->options; option != NULL && *option != NULL; option++)
        if (strncmp(*option, name, length) == 0 &&
            ((*option)[length] == '=' || (*option)[length] == '\0'))
            return *option + length + ((*option)[length] == '=');
    return NULL;
}

/* Returns an allocated "--TEXT" or "--TEXT=VALUE". */
static char *option_word(const char *text, const char *value)
{
    char *word = NULL;

    if (asprintf(&word, "--%s%s%s", text, value != NULL ? "=" : "",
                 value != NULL ? value : "") < 0)
        return NULL;
    return word;
}

/* Returns whether the option keeps a stream of the caller, which no later start can
 * open. */
static bool keeps_stream(const char *option)
{
    return strcmp(option, "output=-") == 0 || strcmp(option, "error=-") == 0 ||
           strcmp(option, "input=-") == 0;
}

/* Adds the option of a stream that the caller of the start has given: its log.  Without
 * a log, that is the file that the process has there, unless process is 0. */
static void add_stream(char **words, const char *option, const char *log, pid_t process,
                       int number)
{
    char path[PATH_MAX];

    if (log == NULL && process > 0)
        log = stream_path(process, number, path);
    if (log != NULL)
        append(words, option_word(option, log));
}

/* Returns the command line, allocated, or NULL if memory runs out.  resume: the process
 * that is to get a keeper again, or 0. */
static char **command_line(const struct job *job, pid_t resume)
{
    size_t count = 10;
    char digits[24];
    struct dz_text number = dz_text(digits, sizeof digits);
    char **words;
    const char *output = option_of(job, "output");
    const char *error = option_of(job, "error");

    for (char **at = job->options; at != NULL && *at != NULL; at++)
        count++;
    for (char **at = job->argv; at != NULL && *at != NULL; at++)
        count++;
    words = calloc(count, sizeof *words);
    if (words == NULL)
        return NULL;
    append(words, (char *)"dznohup");
    for (char **at = job->options; at != NULL && *at != NULL; at++)
        if (!keeps_stream(*at))
            append(words, option_word(*at, NULL));
    /* The caller of a restart gets its prompt back. */
    append(words, (char *)"--mode=leave");
    dz_add_number(&number, resume);
    if (resume > 0)
        append(words, option_word("resume", digits));
    if (output == NULL || strcmp(output, "-") == 0)
        add_stream(words, "output", job->log, resume, 1);
    if (error == NULL ? output == NULL || strcmp(output, "-") == 0
                      : strcmp(error, "-") == 0)
        add_stream(words, "error", job->error_log, resume, 2);
    append(words, (char *)"--");
    for (char **at = job->argv; at != NULL && *at != NULL; at++)
        append(words, *at);
    return words;
}

/* ---- the start ---- */

/* In a child: becomes dznohup.  Exits with 127 if that cannot be. */
__attribute__((noreturn)) static void become_launcher(const struct job *job,
                                                      char **words, char **envp)
{
    char path[PATH_MAX + sizeof "dznohup"];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    int null = open("/dev/null", O_RDONLY);

    if (null >= 0)
        dup2(null, 0);
    if (job->cwd == NULL || chdir(job->cwd) < 0) {
        struct dz_fault fault;
        dz_fault(&fault, "start", job->cwd, job->cwd != NULL ? errno : 0,
                 job->cwd != NULL ? NULL : "the directory of its start is not known");
        _exit(ctl_tell(&fault));
    }
    if (job->umask >= 0)
        umask((mode_t)job->umask);
    path[n > 0 ? n : 0] = '\0';
    if (strrchr(path, '/') != NULL) {
        memcpy(strrchr(path, '/') + 1, "dznohup", sizeof "dznohup"); /* it has room */
        execve(path, words, envp);
    }
    execvpe("dznohup", words, envp);
    struct dz_fault fault;
    dz_fault(&fault, "start", "dznohup", errno, NULL);
    ctl_tell(&fault);
    _exit(DZ_EXIT_NOT_FOUND);
}

/* Reads what the child writes up to its end: a PID.  Returns it, or 0. */
static pid_t read_pid(int fd)
{
    char text[32];
    size_t length = 0;
    ssize_t n;

    while (length < sizeof text - 1 &&
           ((n = read(fd, text + length, sizeof text - 1 - length)) > 0 ||
            (n < 0 && errno == EINTR)))
        length += n > 0 ? (size_t)n : 0;
    text[length] = '\0';
    return (pid_t)atoi(text);
}

int run_launcher(const struct job *job, char **envp, pid_t resume, pid_t *pid)
{
    struct dz_fault fault;
    char **words = command_line(job, resume);
    char **clean = clean_environment(envp);
    int ends[2];
    int status = 0;
    pid_t child;

    *pid = 0;
    if (words == NULL || clean == NULL || pipe2(ends, O_CLOEXEC) < 0 ||
        (child = fork()) < 0) {
        dz_fault(&fault, "start", NULL, errno, NULL);
        free(words);
        free(clean);
        return ctl_tell(&fault);
    }
    if (child == 0) {
        dup2(ends[1], 1);
        if (resume > 0 &&
            take_descriptors(resume, option_of(job, "keep-fd"), &fault) < 0)
            _exit(ctl_tell(&fault));
        become_launcher(job, words, clean);
    }
    close(ends[1]);
    *pid = read_pid(ends[0]);
    close(ends[0]);
    dz_waitpid(child, &status, 0);
    free(words);
    free(clean);
    if (status != 0)
        return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
    return 0;
}

int check_again(const struct job *job, const char *command, const char *word,
                struct dz_fault *fault)
{
    const char *reason = NULL;

    if (job->state == JOB_NONE)
        reason = "no such job";
    else if (!job->recorded || job->argv == NULL)
        reason = "has no record of its command";
    else if (job->retitled == 1)
        reason = "the program has changed its command line, so the original one is "
                 "not known; start it yourself";
    else if (!job->keeper_runs && option_of(job, "keep-fd") != NULL &&
             strcmp(command, "keep") != 0) /* the new keeper takes them */
        reason =
            "the descriptors of --keep-fd cannot be opened again; start it yourself";
    else if (option_of(job, "keep-session") != NULL)
        reason =
            "it belongs in the session of its caller (--keep-session); start it there";
    if (reason == NULL)
        return 0;
    dz_fault(fault, command, word, 0, reason);
    fault->status = job->state == JOB_NONE ? CTL_NOT_RUNNING : CTL_FAILED;
    return -1;
}
