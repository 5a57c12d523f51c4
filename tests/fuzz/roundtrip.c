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

/* What a plan has no word for is not in the record. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dz_plan plan;
    static char *nothing[] = {NULL};
    struct input input = {data, size};
    struct job job;
    int count;
    char *name = take_word(&input);

    fresh_plan(&plan, NULL, nothing);
    plan.name = name;
    put_path(plan.cwd, &input);
    put_path(plan.log.path, &input);
    put_path(plan.pidfile_claim.path, &input);
    char **words = take_words(&input, "command", 0, &count);
    plan.argv = words;
    CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(dz_record_write(fd, &plan, getpid()) == 0);
    CHECK(job_read(&job, folder_fd, folder, "job") == 0);
    CHECK(job.state == JOB_RUNS && job.record.who.pid == getpid());
    CHECK(job.record.session == getsid(0) && job.status == -1);
    CHECK(job.name != NULL && strcmp(job.name, name) == 0);
    CHECK(is_same(job.cwd, plan.cwd));
    CHECK(is_same(job.log, plan.log.path));
    CHECK(is_same(job.pidfile, plan.pidfile_claim.path));
    for (int i = 0; i <= count; i++)
        CHECK(words[i] == NULL ? job.argv[i] == NULL
                               : strcmp(job.argv[i], words[i]) == 0);
    job_free(&job);
    free_words(words, count);
    free(name);
    return 0;
}
