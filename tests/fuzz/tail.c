/* A run's part of a log of any contents: at most 25 lines, each marked, none too long,
 * and nothing in them that a terminal would obey. */
#include <sys/mman.h>

#include "fuzz.h"

static int log_fd;
static int out_fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_fd = memfd_create("log", MFD_CLOEXEC);
    out_fd = memfd_create("out", MFD_CLOEXEC);
    CHECK(log_fd >= 0 && out_fd >= 0);
    return 0;
}

static void check_line(const char *line, size_t length)
{
    CHECK(length >= 2 && memcmp(line, "  ", 2) == 0);
    CHECK(length < 2048 + 100);
    for (size_t i = 0; i < length; i++)
        CHECK(((unsigned char)line[i] >= ' ' && line[i] != '\177') || line[i] == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char shown[1 << 20];
    struct input input = {data, size};
    int64_t from = take_byte(&input) * (int64_t)take_byte(&input);
    size_t times = take_byte(&input) % 8 == 7 ? 64 : 1; /* beyond all blocks */
    int lines = 0;

    CHECK(ftruncate(log_fd, 0) == 0 && ftruncate(out_fd, 0) == 0);
    CHECK(lseek(out_fd, 0, SEEK_SET) == 0);
    for (size_t i = 0; i < times; i++)
        CHECK(pwrite(log_fd, input.at, input.left, (off_t)(i * input.left)) ==
              (ssize_t)input.left);
    int told = dz_show_run(log_fd, from, out_fd);
    ssize_t n = pread(out_fd, shown, sizeof shown, 0);
    CHECK(n >= 0 && n < (ssize_t)sizeof shown);
    CHECK(n == 0 || shown[n - 1] == '\n');
    for (char *at = shown; at < shown + n; lines++) {
        char *end = memchr(at, '\n', (size_t)(shown + n - at));
        check_line(at, (size_t)(end - at));
        at = end + 1;
    }
    CHECK(told <= 25);
    CHECK(lines == told || (lines == told + 1 && lines == 25));
    return 0;
}
