/*
 * The arguments of a system call that a seccomp(2) filter has stopped, and the
 * answer to it, in the context of the SIGSYS handler; the one place that differs
 * between machines.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

#if defined __x86_64__

enum {
    SHIM_REGISTERS = 1,
    SHIM_SYS_MMAP = SYS_mmap,
    SHIM_SYS_FSTATAT = SYS_newfstatat,
    SHIM_SYS_FSTAT = SYS_fstat,
    SHIM_SYS_LSEEK = SYS_lseek,
    SHIM_SYS_OPEN = SYS_open
};

/* Argument number 0 to 4. */
static inline uintptr_t shim_argument(const ucontext_t *context, int number)
{
    static const int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8};

    return (uintptr_t)context->uc_mcontext.gregs[registers[number]];
}

/* Make the call return result. */
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
    SHIM_SYS_OPEN = SYS_open
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
    SHIM_SYS_OPEN = -1 /* openat alone */
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
    SHIM_SYS_OPEN = -1
};

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

/* The 64 bits of an offset from the two arguments that begin with it. */
static inline int64_t shim_offset(uintptr_t first, uintptr_t second)
{
    return sizeof first == sizeof(int64_t)
               ? (int64_t)first
               : (int64_t)((uint64_t)second << 32 | (uint32_t)first);
}

#endif
