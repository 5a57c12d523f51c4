/*
 * Finds the libdz.so for a program's class and machine.
 *
 * Libraries of several machines are in the directories that ld.so(8) substitutes for
 * $LIB: lib and lib32, for example.  glibc's linker only warns of a library that it
 * cannot load, and musl's does not know $LIB.  So this file searches the directories
 * itself.
 */
#include "base.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

static const char token[] = "$LIB";

enum { DIRECTORIES = 3 };

/* The directories of a machine: of Debian, of Fedora and others, of Arch. */
static const struct machine {
    unsigned machine;
    int bits;
    const char *directories[DIRECTORIES];
} machines[] = {
    {EM_X86_64, 64, {"lib/x86_64-linux-gnu", "lib64", "lib"}},
    {EM_386, 32, {"lib/i386-linux-gnu", "lib32", "lib"}},
    {EM_AARCH64, 64, {"lib/aarch64-linux-gnu", "lib64", "lib"}},
    {EM_ARM, 32, {"lib/arm-linux-gnueabihf", "lib32", "lib"}},
};
enum { MACHINES = sizeof machines / sizeof machines[0] };

const char *const *dz_library_directories(const struct dz_elf *program)
{
    for (size_t i = 0; i < MACHINES; i++)
        if (machines[i].machine == program->machine &&
            machines[i].bits == program->bits)
            return machines[i].directories;
    return NULL;
}

/* Returns the machine's directory that the length bytes of path end with, or NULL. */
static const char *directory_of(const struct machine *machine, const char *path,
                                size_t length)
{
    for (int i = 0; i < DIRECTORIES; i++) {
        size_t own = strlen(machine->directories[i]);
        if (length > own && path[length - own - 1] == '/' &&
            memcmp(path + length - own, machine->directories[i], own) == 0)
            return machine->directories[i];
    }
    return NULL;
}

bool dz_library_place(const char *path, struct dz_place *place)
{
    const char *at = strstr(path, token);
    const char *slash = strrchr(path, '/');
    const char *directory = NULL;

    if (at != NULL) {
        *place = (struct dz_place){(size_t)(at - path), at + strlen(token)};
        return true;
    }
    for (size_t i = 0; slash != NULL && directory == NULL && i < MACHINES; i++)
        directory = directory_of(&machines[i], path, (size_t)(slash - path));
    if (directory == NULL)
        return false;
    *place = (struct dz_place){(size_t)(slash - path) - strlen(directory), slash};
    return true;
}

bool dz_library_fits(const char *path, const struct dz_elf *program)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct dz_head head;
    struct dz_elf library;
    bool fits = fd >= 0 && dz_read_head(fd, &head) == 0 &&
                dz_read_elf(fd, &head, &library) && library.shared &&
                library.bits == program->bits && library.machine == program->machine;

    dz_close_fd(&fd);
    return fits;
}

bool dz_library_beside(const char *path, const struct dz_elf *program, char *found,
                       size_t size)
{
    const char *const *directories = dz_library_directories(program);
    struct dz_place place;

    if (directories == NULL || !dz_library_place(path, &place))
        return false;
    for (int i = 0; i < DIRECTORIES; i++) {
        struct dz_text text = dz_text(found, size);
        dz_add_bytes(&text, path, place.before);
        dz_add(&text, directories[i]);
        dz_add(&text, place.behind);
        if (!text.cut && dz_library_fits(found, program))
            return true;
    }
    return false;
}
