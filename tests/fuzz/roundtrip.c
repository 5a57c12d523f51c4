/* A record that a start writes is read as it was meant, whatever the words of the
 * command and the names of its files hold. */
#include <fcntl.h>

#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

static char folder[PATH_MAX];
static int folder_fd;
static int fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_folder(folder);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = openat(folder_fd, "job", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(folder_fd >= 0 && fd >= 0);
    return 0;
}

/* What is empty is not in the record. */
static bool is_same(const char *read, const char *written)
{
    return read == NULL ? written[0] == '\0' : strcmp(read, written) == 0;
}

static void put_path(char path[PATH_MAX], struct input *input)
{
    char *word = take_word(input);

    snprintf(path, PATH_MAX, "%s", word);
    free(word);
}

static void put_text(struct dz_record_out *out, const char *key, const char *value)
{
    if (value[0] != '\0')
        dz_record_text(out, key, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char cwd[PATH_MAX];
    static char log[PATH_MAX];
    static char pidfile[PATH_MAX];
    struct dz_record_out out;
    struct input input = {data, size};
    struct dz_identity who;
    struct job job;
    int count;
    int numbers[4];
    char path[PATH_MAX + 8];
    char lines[128];
    char *name;

    for (int i = 0; i < 4; i++)
        numbers[i] = take_byte(&input) << 8 | take_byte(&input);
    name = take_word(&input);
    put_path(cwd, &input);
    put_path(log, &input);
    put_path(pidfile, &input);
    char *value = take_word(&input);
    char **words = take_words(&input, "command", 0, &count);
    CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(dz_identify(getpid(), &who) == 0);
    dz_record_begin(&out, fd, &who, getsid(0));
    CHECK(dz_record_keeper(&out, getpid(), numbers[0] + 1) == 0);
    dz_record_text(&out, "name", name);
    put_text(&out, "cwd", cwd);
    put_text(&out, "log", log);
    put_text(&out, "pidfile", pidfile);
    dz_record_number(&out, "restarts", numbers[1]);
    dz_record_number(&out, "last", numbers[2]);
    dz_record_number(&out, "watchdog", numbers[3] & 1);
    dz_record_option(&out, "output", value);
    for (int i = 0; i < count; i++)
        dz_record_text(&out, "arg", words[i]);
    CHECK(dz_record_end(&out) == 0);
    CHECK(job_read(&job, folder_fd, folder, "job") == 0);
    CHECK(job.state == JOB_RUNS && job.record.who.pid == getpid());
    CHECK(job.record.session == getsid(0) && job.status == -1);
    CHECK(job.name != NULL && strcmp(job.name, name) == 0);
    CHECK(is_same(job.cwd, cwd));
    CHECK(is_same(job.log, log));
    CHECK(is_same(job.pidfile, pidfile));
    CHECK(job.options != NULL && job.options[1] == NULL);
    CHECK(strncmp(job.options[0], "output", 6) == 0);
    CHECK(value[0] == '\0' ? job.options[0][6] == '\0'
                           : strcmp(job.options[0] + 7, value) == 0);
    for (int i = 0; i <= count; i++)
        CHECK(words[i] == NULL ? job.argv[i] == NULL
                               : strcmp(job.argv[i], words[i]) == 0);
    CHECK(job.record.keeper.pid == getpid() && job.record.first == numbers[0] + 1);
    CHECK(job.restarts == numbers[1] && job.last == numbers[2]);
    CHECK(job.watchdog == (numbers[3] & 1) && job.keeper_runs && !job.waits);
    job_free(&job);
    /* What the keeper adds at the end of a run, and of the job. */
    snprintf(path, sizeof path, "%s/job", folder);
    snprintf(lines, sizeof lines, "ended %d\nlast %d\nwatchdog 1\nnote a\\\\b\n",
             numbers[1] + 1, numbers[3]);
    CHECK(dz_record_add_lines(path, getpid() + 1, "last 1\n") == 0); /* another job's */
    CHECK(dz_record_add_lines(path, getpid(), lines) == 0);
    CHECK(dz_record_add_end(path, getpid(), numbers[2], -1) == 0);
    CHECK(job_read(&job, folder_fd, folder, "job") == 0);
    CHECK(job.last == numbers[3] && job.watchdog == 1 && job.waits);
    CHECK(job.ended == numbers[1] + 1 && job.status == numbers[2]);
    CHECK(strcmp(job.note, "a\\b") == 0);
    job_free(&job);
    free_words(words, count);
    free(name);
    free(value);
    return 0;
}
