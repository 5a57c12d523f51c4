/*
 * What differs between machines: the numbers of system calls, and where the context of
 * a SIGSYS handler has the arguments and the answer of the call that a seccomp(2)
 * filter has stopped.  -1 is the number of a call that the machine does not have.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

struct shim_call {
    int number;
    const char *name;
};

#if defined __x86_64__

enum {
    SHIM_REGISTERS = 1,
    SHIM_SYS_MMAP = SYS_mmap,
    SHIM_SYS_FSTATAT = SYS_newfstatat,
    SHIM_SYS_FSTAT = SYS_fstat,
    SHIM_SYS_LSEEK = SYS_lseek,
    SHIM_SYS_FCNTL = SYS_fcntl,
    SHIM_SYS_FTRUNCATE64 = -1,
    SHIM_SYS_OPEN = SYS_open,
    SHIM_SYS_CREAT = SYS_creat,
    SHIM_SYS_UNLINK = SYS_unlink,
    SHIM_SYS_RENAME = SYS_rename
};
static const uint32_t SHIM_ARCHITECTURE = 0xc000003e; /* AUDIT_ARCH_X86_64 */

/* More calls that change nothing, and names of calls, that other machines lack. */
static const int shim_more_allowed[] = {SYS_stat, SYS_lstat,   SYS_access, SYS_readlink,
                                        SYS_time, SYS_getpgrp, SYS_fstat,  SYS_getpgid};
static const struct shim_call shim_old_calls[] = {
    {SYS_open, "open"},       {SYS_poll, "poll"},   {SYS_select, "select"},
    {SYS_pause, "pause"},     {SYS_fork, "fork"},   {SYS_vfork, "vfork"},
    {SYS_pipe, "pipe"},       {SYS_dup2, "dup2"},   {SYS_unlink, "unlink"},
    {SYS_rename, "rename"},   {SYS_mkdir, "mkdir"}, {SYS_chmod, "chmod"},
    {SYS_symlink, "symlink"}, {SYS_alarm, "alarm"}, {SYS_epoll_wait, "epoll_wait"},
    {SYS_chown, "chown"},     {SYS_creat, "creat"},
};

/* Returns argument number 0 to 4. */
static inline uintptr_t shim_argument(const ucontext_t *context, int number)
{
    static const int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8};

    return (uintptr_t)context->uc_mcontext.gregs[registers[number]];
}

/* Makes the call return result. */
static inline void shim_answer(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RAX] = result;
}

#elif defined __i386__

enum {
    SHIM_REGISTERS = 1,
    SHIM_SYS_MMAP = SYS_mmap2,
    SHIM_SYS_FSTATAT = SYS_fstatat64,
    SHIM_SYS_FSTAT = SYS_fstat64,
    SHIM_SYS_LSEEK = SYS__llseek,
    SHIM_SYS_FCNTL = SYS_fcntl64,
    SHIM_SYS_FTRUNCATE64 = SYS_ftruncate64,
    SHIM_SYS_OPEN = SYS_open,
    SHIM_SYS_CREAT = SYS_creat,
    SHIM_SYS_UNLINK = SYS_unlink,
    SHIM_SYS_RENAME = SYS_rename
};
static const uint32_t SHIM_ARCHITECTURE = 0x40000003; /* AUDIT_ARCH_I386 */

static const int shim_more_allowed[] = {
    SYS_stat64,   SYS_lstat64,   SYS_access,   SYS_readlink,
    SYS_time,     SYS_getpgrp,   SYS_getuid32, SYS_geteuid32,
    SYS_getgid32, SYS_getegid32, SYS_getpgid,  403 /* clock_gettime64 */};
static const struct shim_call shim_old_calls[] = {
    {SYS_open, "open"},       {SYS_poll, "poll"},   {SYS__newselect, "select"},
    {SYS_pause, "pause"},     {SYS_fork, "fork"},   {SYS_vfork, "vfork"},
    {SYS_pipe, "pipe"},       {SYS_dup2, "dup2"},   {SYS_unlink, "unlink"},
    {SYS_rename, "rename"},   {SYS_mkdir, "mkdir"}, {SYS_chmod, "chmod"},
    {SYS_symlink, "symlink"}, {SYS_alarm, "alarm"}, {SYS_epoll_wait, "epoll_wait"},
    {SYS_waitpid, "waitpid"}, {SYS_creat, "creat"}, {SYS_socketcall, "socketcall"},
};

static inline uintptr_t shim_argument(const ucontext_t *context, int number)
{
    static const int registers[] = {REG_EBX, REG_ECX, REG_EDX, REG_ESI, REG_EDI};

    return (uintptr_t)context->uc_mcontext.gregs[registers[number]];
}

static inline void shim_answer(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_EAX] = result;
}

#elif defined __aarch64__

enum {
    SHIM_REGISTERS = 1,
    SHIM_SYS_MMAP = SYS_mmap,
    SHIM_SYS_FSTATAT = SYS_newfstatat,
    SHIM_SYS_FSTAT = SYS_fstat,
    SHIM_SYS_LSEEK = SYS_lseek,
    SHIM_SYS_FCNTL = SYS_fcntl,
    SHIM_SYS_FTRUNCATE64 = -1,
    SHIM_SYS_OPEN = -1, /* openat alone */
    SHIM_SYS_CREAT = -1,
    SHIM_SYS_UNLINK = -1,
    SHIM_SYS_RENAME = -1
};
static const uint32_t SHIM_ARCHITECTURE = 0xc00000b7; /* AUDIT_ARCH_AARCH64 */

static const int shim_more_allowed[] = {SYS_getpgid};
static const struct shim_call shim_old_calls[] = {
    {SYS_unlinkat, "unlinkat"},
    {SYS_renameat, "renameat"},
};

static inline uintptr_t shim_argument(const ucontext_t *context, int number)
{
    return (uintptr_t)context->uc_mcontext.regs[number];
}

static inline void shim_answer(ucontext_t *context, long result)
{
    context->uc_mcontext.regs[0] = (unsigned long)result;
}

#else

/* Not known here: --no-daemon is refused. */
enum {
    SHIM_REGISTERS = 0,
    SHIM_SYS_MMAP = SYS_exit,
    SHIM_SYS_FSTATAT = SYS_exit,
    SHIM_SYS_FSTAT = SYS_exit,
    SHIM_SYS_LSEEK = SYS_exit,
    SHIM_SYS_FCNTL = SYS_exit,
    SHIM_SYS_FTRUNCATE64 = -1,
    SHIM_SYS_OPEN = -1,
    SHIM_SYS_CREAT = -1,
    SHIM_SYS_UNLINK = -1,
    SHIM_SYS_RENAME = -1
};
static const uint32_t SHIM_ARCHITECTURE = 0;

static const int shim_more_allowed[] = {SYS_exit};
static const struct shim_call shim_old_calls[] = {{SYS_exit, "exit"}};

static inline uintptr_t shim_argument(const ucontext_t *context, int number)
{
    (void)context;
    return (uintptr_t)number;
}

static inline void shim_answer(ucontext_t *context, long result)
{
    (void)context;
    (void)result;
}

#endif

/* Calls of 32-bit machines, newer than some headers. */
enum { SHIM_SYS_CLOCK_NANOSLEEP64 = 407, SHIM_SYS_FUTEX64 = 422 };

/* Returns the 64 bits of an offset from the two arguments that begin with it. */
static inline int64_t shim_offset(uintptr_t first, uintptr_t second)
{
    return sizeof first == sizeof(int64_t)
               ? (int64_t)first
               : (int64_t)((uint64_t)second << 32 | (uint32_t)first);
}

#endif
