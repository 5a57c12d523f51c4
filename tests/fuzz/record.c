/* A record of any contents, read by dzctl and by a start: both take it for one, or
 * neither does, and what they read is the same. */
#include <fcntl.h>

#include "../../cli/dzctl/dzctl.h"
#include "fuzz.h"

static char folder[PATH_MAX];
static char path[PATH_MAX];
static int folder_fd;
static int fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_folder(folder);
    strcat(strcpy(path, folder), "/job");
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(folder_fd >= 0 && fd >= 0);
    return 0;
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
    bool parsed = dz_record_parse(text, &record) != NULL;
    if (parsed && strlen(text) < 400)
        CHECK(dz_record_names(path, record.who.pid));
    free(text);
    if (job_read(&job, folder_fd, folder, "job") < 0)
        return 0;
    CHECK(parsed && job.recorded && strcmp(job.file, path) == 0);
    CHECK(job.record.who.pid == record.who.pid && record.who.pid >= 1);
    CHECK(strcmp(job.record.who.boot, record.who.boot) == 0);
    CHECK(job_called(&job, digits)[0] != '\0' || job.name != NULL);
    CHECK(strlen(shown_state(&job, words)) > 0);
    job_free(&job);
    return 0;
}
