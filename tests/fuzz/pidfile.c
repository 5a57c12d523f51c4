/* A pidfile of any contents and any age: who is believed to run is a process that
 * is there, is older than the file, and is named by nothing but its number. */
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"

static char path[PATH_MAX];
static int fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_folder(path);
    strcat(path, "/pid");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    return 0;
}

/* The number that a whole pidfile holds, or -1; by the C library's reading. */
static long number_in(const char *text, size_t length)
{
    char copy[16];
    size_t digits = strspn(text, "0123456789");

    if (strlen(text) != length || digits == 0 || digits >= 200 ||
        strcmp(text + digits, text[digits] == '\n' ? "\n" : "") != 0)
        return -1;
    size_t zeros = strspn(text, "0");
    if (digits - zeros > 10)
        return -1;
    memcpy(copy, text + zeros, digits - zeros);
    copy[digits - zeros] = '\0';
    long number = strtol(copy, NULL, 10);
    return number >= 2 && number <= INT_MAX ? number : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct dz_pidfile pidfile = {.state = DZ_PIDFILE_NONE};
    struct timespec times[2] = {{0}, {0}};
    int how = take_byte(&input);
    char text[4096];
    int length;

    /* Any moment that a file system can hold, or about now. */
    for (int i = 0; i < 5; i++)
        times[1].tv_sec = times[1].tv_sec * 256 + take_byte(&input);
    if ((how & 2) != 0)
        times[1].tv_sec = -times[1].tv_sec;
    if ((how & 4) != 0)
        times[1].tv_nsec = UTIME_NOW;
    times[0].tv_nsec = UTIME_OMIT;
    /* Our own number cannot be guessed. */
    length = (how & 1) != 0 ? snprintf(text, 32, "%d", (int)getpid()) : 0;
    if (input.left > sizeof text - 33)
        input.left = sizeof text - 33;
    memcpy(text + length, input.at, input.left);
    length += (int)input.left;
    text[length] = '\0';
    fill(fd, text, (size_t)length);
    CHECK(futimens(fd, times) == 0);

    if (dz_pidfile_read(path, -1, &pidfile) < 0)
        return 0; /* a process that may not be looked at */
    long number = length < 31 ? number_in(text, (size_t)length) : -1;
    if (length == 0)
        CHECK(pidfile.state == DZ_PIDFILE_EMPTY);
    else if (number < 0)
        CHECK(pidfile.state == DZ_PIDFILE_GARBAGE);
    else
        CHECK(pidfile.state == DZ_PIDFILE_STALE || pidfile.state == DZ_PIDFILE_RUNS ||
              pidfile.state == DZ_PIDFILE_UNKNOWN);
    if (pidfile.state == DZ_PIDFILE_STALE || pidfile.state == DZ_PIDFILE_RUNS)
        CHECK(pidfile.who.pid == number);
    if (number == getpid()) {
        struct stat about;
        CHECK(fstat(fd, &about) == 0);
        /* We run, and were not there 3 years ago; 2100 has not come. */
        if ((how & 4) != 0 || about.st_mtim.tv_sec > INT64_C(4102444800))
            CHECK(pidfile.state == DZ_PIDFILE_RUNS);
        else if (about.st_mtim.tv_sec < INT64_C(1700000000))
            CHECK(pidfile.state == DZ_PIDFILE_STALE);
    }
    return 0;
}
