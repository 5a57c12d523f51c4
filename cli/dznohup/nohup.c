/*
 * nohup(1) as in POSIX and GNU coreutils 9, with their messages, exit statuses and
 * order of actions.  Nothing else is done, and no DZ_* variable is read.
 *
 * There is one difference: nohup.out is not opened through a symbolic link of another
 * user, and a FIFO in its place is not waited for.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

/* Not zero, so that both are among the few data that each start touches. */
static const char *program = "nohup";
static bool stderr_works = true;

/* Returns 127, which POSIX wants, if POSIXLY_CORRECT is set, else GNU's 125. */
static int failure_status(void)
{
    return getenv("POSIXLY_CORRECT") != NULL ? DZ_EXIT_NOT_FOUND : DZ_EXIT_FAILURE;
}

/* Writes "PROGRAM: TEXT[: REASON]" to stderr, by one write(2). */
__attribute__((format(printf, 2, 3))) static void complain(int err, const char *format,
                                                           ...)
{
    char *words = NULL;
    char *line = NULL;
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&words, format, args);
    va_end(args);
    if (n >= 0)
        n = asprintf(&line, "%s: %s%s%s\n", program, words, err != 0 ? ": " : "",
                     err != 0 ? strerror(err) : "");
    if (n < 0 || dz_write(2, line, (size_t)n) < 0)
        stderr_works = false;
    if (n >= 0)
        free(line);
    free(words);
}

/* Returns the length of the printable character at word, or 0 if there is none. */
static size_t printable(const char *word)
{
    mbstate_t state = {0};
    wchar_t wide;
    size_t n = mbrtowc(&wide, word, MB_CUR_MAX, &state);

    if (n == (size_t)-1 || n == (size_t)-2 || n == 0 || !iswprint((wint_t)wide))
        return 0;
    return n;
}

/* Returns whether word holds a ' but nothing that is special within "..." in a shell.
 */
static bool fits_double_quotes(const char *word)
{
    bool single = false;

    for (size_t n; *word != '\0'; word += n) {
        n = printable(word);
        if (n == 0 || strchr("!\"#$&()*;<=>?[\\^`|{}~", *word) != NULL)
            return false;
        single |= *word == '\'';
    }
    return single;
}

/* Writes a byte as it stands within $'...'. */
static void put_escaped(FILE *to, unsigned char c)
{
    static const char plain[] = "\a\b\t\n\v\f\r";
    static const char letters[] = "abtnvfr";
    const char *at = c != '\0' ? strchr(plain, c) : NULL;

    if (at != NULL)
        fprintf(to, "\\%c", letters[at - plain]);
    else
        fprintf(to, "\\%03o", c);
}

/* Writes word quoted for a shell: 'a b', "it's", 'a'$'\n'. */
static void put_quoted(FILE *to, const char *word)
{
    bool escaping = false;

    if (fits_double_quotes(word)) {
        fprintf(to, "\"%s\"", word);
        return;
    }
    fputc('\'', to);
    while (*word != '\0') {
        size_t n = printable(word);
        /* The text for a quote closes the open quotes and opens '...' again. */
        if (*word != '\'' && escaping != (n == 0))
            fputs(n == 0 ? "'$'" : "''", to);
        escaping = n == 0;
        if (n == 0)
            put_escaped(to, (unsigned char)*word);
        else if (*word == '\'')
            fputs("'\\''", to);
        else
            fwrite(word, 1, n, to);
        word += n == 0 ? 1 : n;
    }
    fputc('\'', to);
}

/* Sets the locale that says which characters can be printed.  Without a variable it is
 * C, as in glibc; musl's would be UTF-8. */
static void set_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') {
            setlocale(LC_CTYPE, "");
            return;
        }
    }
}

/* Returns word quoted, allocated, or word itself if memory runs out. */
static const char *quoted(const char *word)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to;

    set_locale();
    to = open_memstream(&text, &size);
    if (to == NULL)
        return word;
    put_quoted(to, word);
    return fclose(to) == 0 ? text : word;
}

struct streams {
    bool ignoring_input;
    bool redirecting_stdout;
    bool redirecting_stderr;
    bool stdout_closed;
    int out_fd;       /* stderr becomes a copy of this descriptor */
    int saved_stderr; /* for the message if the command cannot be run */
};

/* Moves the descriptor opened to fd, and closes what fd was.  Returns fd, or -1 and
 * sets errno. */
static int reopen(int fd, int opened)
{
    if (opened < 0 || opened == fd)
        return opened;
    int result = dup2(opened, fd);
    int err = errno;
    close(opened);
    errno = err;
    return result;
}

static int replace_input(struct streams *streams)
{
    /* For writing: a read must fail, not see end-of-file. */
    if (reopen(0, open("/dev/null", O_WRONLY)) < 0) {
        complain(errno, "failed to render standard input unusable");
        return -1;
    }
    if (!streams->redirecting_stdout && !streams->redirecting_stderr)
        complain(0, "ignoring input");
    return 0;
}

/* Opens file for the streams.  Returns its descriptor, or -1 and sets errno. */
static int open_out(const struct streams *streams, const char *file)
{
    bool made;
    int fd = dz_open_append(file, 0600, true, &made);

    /* The command's stream is blocking and stays open across exec. */
    if (fd >= 0 && (fcntl(fd, F_SETFL, O_APPEND) < 0 || fcntl(fd, F_SETFD, 0) < 0)) {
        close(fd);
        return -1;
    }
    return streams->redirecting_stdout ? reopen(1, fd) : fd;
}

/* Returns $HOME/nohup.out, allocated, or NULL without HOME. */
static char *file_in_home(void)
{
    const char *home = getenv("HOME");
    char *path = NULL;

    if (home == NULL)
        return NULL;
    size_t length = strlen(home);
    const char *slash = length > 0 && home[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%snohup.out", home, slash) < 0 ? NULL : path;
}

static int replace_output(struct streams *streams)
{
    const char *file = "nohup.out";
    char *in_home = NULL;
    mode_t before = umask(0177); /* 0600 also if the umask is stricter */
    int here_err = 0;

    streams->out_fd = open_out(streams, file);
    if (streams->out_fd < 0) {
        here_err = errno;
        in_home = file_in_home();
        if (in_home != NULL)
            streams->out_fd = open_out(streams, in_home);
        if (streams->out_fd < 0) {
            int home_err = errno;
            complain(here_err, "failed to open %s", quoted(file));
            if (in_home != NULL)
                complain(home_err, "failed to open %s", quoted(in_home));
            return -1;
        }
        file = in_home;
    }
    umask(before);
    complain(0,
             streams->ignoring_input ? "ignoring input and appending output to %s"
                                     : "appending output to %s",
             quoted(file));
    free(in_home);
    return 0;
}

static int replace_stderr(struct streams *streams)
{
    /* If this fails, only a later message goes to another place. */
    streams->saved_stderr = fcntl(2, F_DUPFD_CLOEXEC, 3);
    if (!streams->redirecting_stdout)
        complain(0, streams->ignoring_input
                        ? "ignoring input and redirecting stderr to stdout"
                        : "redirecting stderr to stdout");
    if (dup2(streams->out_fd, 2) < 0) {
        complain(errno, "failed to redirect standard error");
        return -1;
    }
    if (streams->stdout_closed)
        close(streams->out_fd); /* stderr is its copy */
    return 0;
}

/* Looks at descriptors 0, 1 and 2, and replaces them as GNU nohup does. */
static int replace_streams(struct streams *streams)
{
    streams->ignoring_input = isatty(0);
    streams->redirecting_stdout = isatty(1);
    streams->stdout_closed = !streams->redirecting_stdout && errno == EBADF;
    streams->redirecting_stderr = isatty(2);
    streams->out_fd = 1;
    streams->saved_stderr = 2;
    if (streams->ignoring_input && replace_input(streams) < 0)
        return -1;
    if ((streams->redirecting_stdout ||
         (streams->redirecting_stderr && streams->stdout_closed)) &&
        replace_output(streams) < 0)
        return -1;
    if (streams->redirecting_stderr && replace_stderr(streams) < 0)
        return -1;
    return stderr_works ? 0 : -1;
}

/* Executes the command as execvp(3) of glibc does.  That of musl does not run a file
 * that is neither a program nor "#!" by /bin/sh.  Returns only if it fails, and sets
 * errno. */
static void execute(char **command)
{
    /* Not on the stack, where execvp(3) would touch one page more. */
    static struct command found;
    static struct dz_fault unheard;

    execvp(command[0], command);
    if (errno != ENOEXEC)
        return;
    if (strchr(command[0], '/') != NULL)
        exec_by_shell(command[0], command, environ);
    else if (find_command(&found, command, &unheard) == 0)
        exec_by_shell(found.path, command, environ);
    errno = ENOEXEC;
}

int nohup_run(const char *name, char **command)
{
    struct streams streams;
    int err;

    program = name;
    if (command[0] == NULL) {
        complain(0, "missing operand");
        dprintf(2, "Try '%s --help' for more information.\n", program);
        return failure_status();
    }
    if (replace_streams(&streams) < 0)
        return failure_status();
    signal(SIGHUP, SIG_IGN); /* cannot fail for this signal */
    execute(command);
    err = errno;
    /* The message goes only to the original stderr. */
    if (dup2(streams.saved_stderr, 2) == 2)
        complain(err, "failed to run command %s", quoted(command[0]));
    return err == ENOENT ? DZ_EXIT_NOT_FOUND : DZ_EXIT_CANNOT_RUN;
}

static int print(const char *text)
{
    if (dz_write(1, text, strlen(text)) == 0)
        return 0;
    complain(errno, "write error");
    return failure_status();
}

static int print_usage(void)
{
    char *text = NULL;
    int result = failure_status();

    if (asprintf(
            &text,
            "Usage: %s COMMAND [ARG]...\n"
            "  or:  %s OPTION\n"
            "Run COMMAND so that it outlives the terminal's hangup.\n\n"
            "      --help     display this help and exit\n"
            "      --version  output version information and exit\n\n"
            "A terminal as standard input becomes an unreadable file.  A terminal as\n"
            "standard output becomes 'nohup.out', or '$HOME/nohup.out'; one as "
            "standard\n"
            "error goes where standard output goes.  This is dznohup under the name "
            "of\n"
            "nohup; 'dznohup --help' has more.\n",
            program, program) >= 0)
        result = print(text);
    free(text);
    return result;
}

/* Reports the argument at which getopt_long has stopped.  optopt is its letter, or the
 * value of a long option. */
static int refuse_option(const char *word)
{
    if (word[1] == '-' && optopt != 0)
        complain(0, "option '--%s' doesn't allow an argument",
                 optopt == 'h' ? "help" : "version");
    else if (word[1] == '-')
        complain(0, "unrecognized option '%s'", word);
    else
        complain(0, "invalid option -- '%c'", optopt);
    dprintf(2, "Try '%s --help' for more information.\n", program);
    return failure_status();
}

int nohup_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};

    program = argv[0];
    opterr = 0;
    switch (getopt_long(argc, argv, "+", options, NULL)) {
    case -1:
        return nohup_run(program, argv + optind);
    case 'h':
        return print_usage();
    case 'v':
        return print("nohup (dznohup) " DZ_VERSION "\n");
    default:
        return refuse_option(argv[optind - 1]);
    }
}
