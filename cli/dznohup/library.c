/*
 * Finds the libdz.so of the target's class and machine, or says why there is none.
 */
#include "dznohup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static bool is_library(const char *path, struct target *library)
{
    probe_target(path, library);
    return library->what.is_elf && library->what.elf.shared && library->scripts == 0;
}

/*
 * Returns whether the file at path is a library of our own word size that can be
 * trusted.  It must belong to root, to us, or to the launcher's owner: in a directory
 * like /tmp any user can put a file beside the launcher.
 */
static bool is_trusted(const char *path, unsigned owner)
{
    struct target library;
    struct dz_stat about;

    return dz_stat(AT_FDCWD, path, true, &about) == 0 && (about.mode & 022) == 0 &&
           (about.uid == 0 || about.uid == geteuid() || about.uid == owner) &&
           is_library(path, &library) &&
           library.what.elf.bits == 8 * (int)sizeof(void *);
}

/* Finds the library of a copied tree: beside this program, or in ../lib.  Returns
 * whether there is one. */
static bool find_beside(char path[PATH_MAX])
{
    static const char *const places[] = {"libdz.so", "../lib/libdz.so"};
    char directory[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", directory, sizeof directory - 1);
    struct dz_stat launcher;
    char *slash;

    if (n <= 0 || getauxval(AT_SECURE) != 0)
        return false;
    directory[n] = '\0';
    slash = strrchr(directory, '/');
    if (slash == NULL || dz_stat(AT_FDCWD, directory, true, &launcher) < 0)
        return false; /* it was removed since */
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (dz_join(path, directory, places[i]) == 0 && is_trusted(path, launcher.uid))
            return true;
    return false;
}

const char *named_library(const struct dz_plan *plan)
{
    static char beside[PATH_MAX];

    if (plan->shim != NULL)
        return plan->shim;
    return find_beside(beside) ? beside : DZ_SHIM_PATH;
}

/* Fills in the fault: no library fits the target. */
static int refuse(const char *path, const struct target *target, struct dz_fault *fault)
{
    const char *const *directories = dz_library_directories(&target->what.elf);
    struct dz_place place;
    char pattern[PATH_MAX];
    char reason[sizeof fault->reason];

    if (directories == NULL || !dz_library_place(path, &place))
        return dz_fault(fault, "preload", path, 0,
                        "the program is for another machine or word size");
    snprintf(pattern, sizeof pattern, "%.*s$LIB%s", (int)place.before, path,
             place.behind);
    snprintf(reason, sizeof reason, "no %d-bit library with %s, %s or %s as $LIB",
             target->what.elf.bits, directories[0], directories[1], directories[2]);
    return dz_fault(fault, "preload", pattern, 0, reason);
}

int find_library(const char *shim, const struct target *target, char path[PATH_MAX],
                 struct dz_fault *fault)
{
    struct target library;
    char beside[PATH_MAX];

    if (dz_make_absolute(shim, path) < 0)
        return dz_fault(fault, "preload", shim, errno, NULL);
    if (strstr(shim, "$LIB") == NULL) {
        if (access(path, R_OK) < 0)
            return dz_fault(fault, "preload", path, errno, NULL);
        if (!is_library(path, &library))
            return dz_fault(fault, "preload", path, 0, "not a shared library");
        if (dz_library_fits(path, &target->what.elf))
            return 0;
    }
    if (!dz_library_beside(shim, &target->what.elf, beside, sizeof beside))
        return refuse(shim, target, fault);
    return dz_make_absolute(beside, path) < 0
               ? dz_fault(fault, "preload", beside, errno, NULL)
               : 0;
}
