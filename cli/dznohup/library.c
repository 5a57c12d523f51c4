/*
 * Which libdz.so is for the target: one of its class and machine.
 *
 * Side by side those of several are in the folders that ld.so(8) puts in the place
 * of $LIB: lib and lib32, say.  We look there ourselves, and name to the dynamic
 * linker the file that was found: glibc's only warns of a library that it cannot
 * load, and musl's knows no $LIB.
 */
#include "dznohup.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char token[] = "$LIB";

/* The folders of a machine: those of Debian, of Fedora and the like, of Arch. */
static const struct machine {
    unsigned machine;
    int bits;
    const char *folders[3];
} machines[] = {
    {EM_X86_64, 64, {"lib/x86_64-linux-gnu", "lib64", "lib"}},
    {EM_386, 32, {"lib/i386-linux-gnu", "lib32", "lib"}},
    {EM_AARCH64, 64, {"lib/aarch64-linux-gnu", "lib64", "lib"}},
    {EM_ARM, 32, {"lib/arm-linux-gnueabihf", "lib32", "lib"}},
};
enum { MACHINES = sizeof machines / sizeof machines[0], FOLDERS = 3 };

static const struct machine *find_machine(const struct target *target)
{
    for (size_t i = 0; i < MACHINES; i++)
        if (machines[i].machine == target->machine && machines[i].bits == target->bits)
            return &machines[i];
    return NULL;
}

/* A path in two: what stands before and behind the folder of the machine. */
struct place {
    int before; /* its length */
    const char *behind;
};

/* The machine's folder that the length bytes of path end with, or NULL. */
static const char *folder_of(const struct machine *machine, const char *path,
                             size_t length)
{
    for (int i = 0; i < FOLDERS; i++) {
        size_t own = strlen(machine->folders[i]);
        if (length > own && path[length - own - 1] == '/' &&
            memcmp(path + length - own, machine->folders[i], own) == 0)
            return machine->folders[i];
    }
    return NULL;
}

/* Find $LIB in the path, or the folder that stands for it right above the file. */
static bool split(const char *path, struct place *place)
{
    const char *at = strstr(path, token);
    const char *slash = strrchr(path, '/');
    const char *folder = NULL;

    if (at != NULL) {
        *place = (struct place){(int)(at - path), at + strlen(token)};
        return true;
    }
    for (size_t i = 0; slash != NULL && folder == NULL && i < MACHINES; i++)
        folder = folder_of(&machines[i], path, (size_t)(slash - path));
    if (folder == NULL)
        return false;
    *place = (struct place){(int)(slash - path - (long)strlen(folder)), slash};
    return true;
}

static bool is_library(const char *path, struct target *library)
{
    probe_target(path, library);
    return library->elf && library->shared && library->scripts == 0;
}

static bool fits(const char *path, const struct target *target)
{
    struct target library;

    return is_library(path, &library) && library.bits == target->bits &&
           library.machine == target->machine;
}

/* There is none: say what was looked for. */
static int refuse(const char *path, const struct target *target,
                  const struct place *place, struct dz_fault *fault)
{
    const struct machine *machine = find_machine(target);
    char pattern[PATH_MAX];
    char reason[sizeof fault->reason];

    if (place == NULL || machine == NULL)
        return dz_fault(fault, "preload", path, 0,
                        "it is for another machine or word size than the program");
    snprintf(pattern, sizeof pattern, "%.*s%s%s", place->before, path, token,
             place->behind);
    snprintf(reason, sizeof reason,
             "none for a program of %d bits, $LIB being %s, %s or %s", target->bits,
             machine->folders[0], machine->folders[1], machine->folders[2]);
    return dz_fault(fault, "preload", pattern, 0, reason);
}

int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault)
{
    const struct machine *machine = find_machine(target);
    struct target library;
    struct place place;
    bool parted;

    if (dz_make_absolute(shim, path) < 0)
        return dz_fault(fault, "preload", shim, errno, NULL);
    parted = split(shim, &place);
    if (strstr(shim, token) == NULL) {
        if (access(path, R_OK) < 0)
            return dz_fault(fault, "preload", path, errno, NULL);
        if (!is_library(path, &library))
            return dz_fault(fault, "preload", path, 0, "it is no shared library");
        if (fits(path, target))
            return 0;
    }
    for (int i = 0; parted && machine != NULL && i < FOLDERS; i++) {
        char beside[PATH_MAX];
        int n = snprintf(beside, sizeof beside, "%.*s%s%s", place.before, shim,
                         machine->folders[i], place.behind);
        if (n < PATH_MAX && fits(beside, target))
            return dz_make_absolute(beside, path) < 0
                       ? dz_fault(fault, "preload", beside, errno, NULL)
                       : 0;
    }
    return refuse(shim, target, parted ? &place : NULL, fault);
}
