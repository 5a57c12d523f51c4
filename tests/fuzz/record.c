/* A record of any contents, read by dzctl and by a start: both take it for one, or
 * neither does, and what they read is the same. */
#include <fcntl.h>

#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

static char folder[PATH_MAX];
static char path[PATH_MAX];
static int folder_fd;
static int fd;
static int other_fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_folder(folder);
    strcat(strcpy(path, folder), "/job");
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    other_fd = openat(folder_fd, "other", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(folder_fd >= 0 && fd >= 0 && other_fd >= 0);
    return 0;
}

/* The number in the last line of that key, which fits; else that otherwise. */
static int64_t last_number(const char *lines, const char *key, int64_t most,
                           int64_t otherwise)
{
    size_t length = strlen(key);
    const char *end;

    for (; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
        const char *value = lines + length + 1;
        int64_t number;
        if ((size_t)(end - lines) > length && memcmp(lines, key, length) == 0 &&
            lines[length] == ' ' && dz_read_long(&value, &number) == 0 &&
            number <= most)
            otherwise = number;
    }
    return otherwise;
}

/* What a keeper has added is read, and said in words. */
static void check_kept(const struct job *job, const char *lines)
{
    char room[512];
    struct dz_text text = dz_text(room, sizeof room);

    CHECK(job->restarts == last_number(lines, "restarts", INT_MAX, 0));
    CHECK(job->last == last_number(lines, "last", INT_MAX, -1));
    CHECK(job->watchdog == last_number(lines, "watchdog", INT_MAX, 0));
    CHECK(job->began == last_number(lines, "began", INT64_MAX, 0));
    CHECK(job->ended == last_number(lines, "ended", INT64_MAX, 0));
    CHECK(job->ready == last_number(lines, "ready", INT64_MAX, 0));
    kept_words(job, &text);
    CHECK(!text.cut && strchr(room, '\n') == NULL);
}

/* Another keeper takes the job: nothing else of the record changes. */
static void check_rekeep(const char *text, size_t size, const struct dz_record *record,
                         const char *rest)
{
    char *other = calloc(1, size + 128);
    struct dz_record again;
    const char *other_rest;

    CHECK(other != NULL);
    CHECK(ftruncate(other_fd, 0) == 0 && lseek(other_fd, 0, SEEK_SET) == 0);
    if (record->keeper.pid > 0 && rest - text < 400) {
        CHECK(dz_record_rekeep(fd, other_fd, getpid()) == 0);
        CHECK(pread(other_fd, other, size + 127, 0) > 0);
        other_rest = dz_record_parse(other, &again);
        CHECK(other_rest != NULL && again.keeper.pid == getpid());
        CHECK(again.who.pid == record->who.pid && again.first == record->first);
        CHECK(strcmp(other_rest, rest) == 0);
    }
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dz_record record;
    struct job job;
    char digits[24];
    char words[48];
    struct input input = {data, size};
    char *text = take_word(&input);

    fill(fd, data, size);
    const char *rest = dz_record_parse(text, &record);
    bool parsed = rest != NULL;
    if (parsed && strlen(text) < 400)
        CHECK(dz_record_names(path, record.who.pid));
    if (parsed && strlen(text) == size)
        check_rekeep(text, size, &record, rest);
    if (job_read(&job, folder_fd, folder, "job") < 0) {
        free(text);
        return 0;
    }
    CHECK(parsed && job.recorded && strcmp(job.file, path) == 0);
    CHECK(job.record.who.pid == record.who.pid && record.who.pid >= 1);
    CHECK(strcmp(job.record.who.boot, record.who.boot) == 0);
    CHECK(job_called(&job, digits)[0] != '\0' || job.name != NULL);
    CHECK(strlen(shown_state(&job, words)) > 0);
    check_kept(&job, rest);
    free(text);
    job_free(&job);
    return 0;
}
