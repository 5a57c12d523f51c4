/* A program file of any contents: what is told of it fits together, and it is not
 * taken for one that a library can be preloaded into without a reason. */
#include <sys/mman.h>

#include "../../cli/dznohup/dznohup.h"
#include "fuzz.h"

enum { FILE_FD = 100 /* a script may name itself: the dictionary has its path */ };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int fd = memfd_create("target", 0);

    (void)argc;
    (void)argv;
    CHECK(fd >= 0 && dup2(fd, FILE_FD) == FILE_FD);
    close(fd);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char path[] = "/proc/self/fd/100";
    static struct target target;

    fill(FILE_FD, data, size);
    probe_target(path, &target);
    CHECK(memchr(target.program, '\0', sizeof target.program) != NULL);
    CHECK(memchr(target.interpreter, '\0', sizeof target.interpreter) != NULL);
    CHECK(target.scripts >= 0 && target.scripts <= 5);
    CHECK(target.scripts == 0 || (size > 2 && memcmp(data, "#!", 2) == 0));
    CHECK(target.scripts > 0 || strcmp(target.program, path) == 0);
    CHECK(!target.what.elf.dynamic || target.what.is_elf);
    CHECK(!target.what.is_elf || target.what.elf.bits == 32 ||
          target.what.elf.bits == 64);
    CHECK(target_libc(&target)[0] != '\0');
    CHECK(lacks_interpreter(path) == target.missing);
    if (dz_preload_obstacle(&target.what) == NULL)
        CHECK(target.what.readable && target.what.elf.dynamic);
    return 0;
}
