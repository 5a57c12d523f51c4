/*
 * What a file is, by statx(2), and its absolute path.
 *
 * fstat(2) will not do.  On 32 bits the two libcs have different layouts of struct
 * stat, and older glibcs export it under other names.  musl's headers lack statx(2)
 * before 1.2.5.  The kernel's own structure, linux/stat.h, is equal everywhere.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

struct kernel_statx {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t spare;
    uint64_t inode;
    uint64_t size;
    uint64_t rest[28]; /* the kernel writes 256 bytes in all */
};
_Static_assert(sizeof(struct kernel_statx) >= 256, "statx(2) writes 256 bytes");

enum {
    BASIC_STATS = 0x7ff, /* STATX_BASIC_STATS */
    BTIME = 0x800,       /* STATX_BTIME */
    BTIME_AT = 80,       /* offset of stx_btime: seconds */
    MTIME_AT = 112,      /* offset of stx_mtime: seconds, nanoseconds */
    DEV_AT = 136         /* offset of stx_dev_major, then stx_dev_minor */
};

/*
 * Works as dz_stat on Linux before 4.11 or below a filter.  On 64 bits both libcs have
 * the kernel's struct stat.  On 32 bits no way serves both.
 */
static int stat_without_statx(int directory, const char *path, int flags,
                              struct dz_stat *about)
{
#ifdef SYS_newfstatat
    struct stat raw;

    if (syscall(SYS_newfstatat, directory, path, &raw, flags) < 0)
        return -1;
    about->mode = raw.st_mode;
    about->uid = raw.st_uid;
    about->links = (unsigned)raw.st_nlink;
    about->size = (uint64_t)raw.st_size;
    about->inode = raw.st_ino;
    about->device = raw.st_dev;
    about->modified = raw.st_mtim.tv_sec;
    about->modified_ns = raw.st_mtim.tv_nsec;
    about->born = 0;
    return 0;
#else
    (void)directory;
    (void)path;
    (void)flags;
    (void)about;
    errno = ENOSYS;
    return -1;
#endif
}

int dz_stat(int directory, const char *path, bool follow, struct dz_stat *about)
{
    struct kernel_statx raw;
    uint32_t device[2];
    uint32_t nanoseconds;
    int flags = AT_EMPTY_PATH | (follow ? 0 : AT_SYMLINK_NOFOLLOW);

    if (syscall(SYS_statx, directory, path, flags, BASIC_STATS | BTIME, &raw) < 0)
        /* Old container engines' filters answer EPERM to calls that they do not know.
         * statx(2) itself never fails so. */
        return errno == ENOSYS || errno == EPERM
                   ? stat_without_statx(directory, path, flags, about)
                   : -1;
    memcpy(device, (const char *)&raw + DEV_AT, sizeof device);
    memcpy(&about->modified, (const char *)&raw + MTIME_AT, sizeof about->modified);
    memcpy(&nanoseconds, (const char *)&raw + MTIME_AT + 8, sizeof nanoseconds);
    about->modified_ns = nanoseconds;
    memcpy(&about->born, (const char *)&raw + BTIME_AT, sizeof about->born);
    if ((raw.mask & BTIME) == 0)
        about->born = 0;
    about->mode = raw.mode;
    about->uid = raw.uid;
    about->links = raw.links;
    about->size = raw.size;
    about->inode = raw.inode;
    about->device = (uint64_t)device[0] << 32 | device[1];
    return 0;
}

int dz_make_absolute(const char *path, char absolute[PATH_MAX])
{
    struct dz_text text = dz_text(absolute, PATH_MAX);

    if (path[0] != '/') {
        if (getcwd(absolute, PATH_MAX) == NULL)
            return -1;
        text.length = strlen(absolute);
        if (text.length > 1)
            dz_add_char(&text, '/');
    }
    dz_add(&text, path);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

/* Returns whether fd is on a file system with that number, statfs(2). */
static bool is_on(int fd, unsigned long number)
{
    union {
        struct statfs about;
        char room[512]; /* the libcs differ in its size, not in the first field */
    } raw;

    return fstatfs(fd, &raw.about) == 0 && (unsigned long)raw.about.f_type == number;
}

bool dz_is_proc(int fd)
{
    return is_on(fd, 0x9fa0);
}

bool dz_is_in_memory(int fd)
{
    return is_on(fd, 0x01021994);
}

bool dz_same_file(const struct dz_stat *one, const struct dz_stat *other)
{
    return one->inode == other->inode && one->device == other->device;
}

int dz_join(char path[PATH_MAX], const char *directory, const char *file)
{
    struct dz_text text = dz_text(path, PATH_MAX);

    dz_add(&text, directory);
    if (text.length == 0 || text.at[text.length - 1] != '/')
        dz_add(&text, "/");
    dz_add(&text, file);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}
