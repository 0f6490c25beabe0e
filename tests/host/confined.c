/* confined.c - a program that forbids itself all system calls but those that its malloc needs, and is ended for others.
 *
 *   confined prctl | seccomp | probe
 *
 * `probe` only asks whether there are filters, as libseccomp does, and goes on. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define N_BLOCKS 4000

static const int allowed[] = {SYS_write,  SYS_exit_group, SYS_rt_sigreturn, SYS_brk,   SYS_mmap,
                              SYS_munmap, SYS_mremap,     SYS_madvise,      SYS_futex, SYS_mprotect};
enum { N_ALLOWED = sizeof allowed / sizeof *allowed };

static void
forbid(const char *how)
{
    struct sock_filter steps[N_ALLOWED + 3] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    for (unsigned char i = 0; i < N_ALLOWED; i++) {
        steps[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
                                                    (unsigned char)(N_ALLOWED - i), 0);
    }
    steps[N_ALLOWED + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    steps[N_ALLOWED + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {N_ALLOWED + 3, steps};

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (strcmp(how, "prctl") == 0) {
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    } else if (strcmp(how, "seccomp") == 0) {
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
    } else {
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT);
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
    }
}

static void
use_memory(void)
{
    static char *blocks[N_BLOCKS];
    for (size_t i = 0; i < N_BLOCKS; i++) {
        blocks[i] = malloc(8192 + i);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 1, 8192);
    }
    for (size_t i = 0; i < N_BLOCKS; i++) {
        blocks[i] = realloc(blocks[i], 10000 + 2 * i);
        CHECK(blocks[i] != NULL);
    }
    for (size_t i = 0; i < N_BLOCKS; i++) {
        free(blocks[i]);
    }
}

int
main(int n, char **arguments)
{
    static void *held[100];
    CHECK(n == 2);
    for (size_t i = 0; i < 100; i++) {
        held[i] = malloc(100000);
        CHECK(held[i] != NULL);
    }
    errno = 4711;
    CHECK(syscall(SYS_getpid) == getpid() && errno == 4711);
    CHECK(syscall(SYS_close, -1) == -1 && errno == EBADF);
    long six = syscall(SYS_mmap, NULL, 4096, 3, 0x22, -1, 0); /* with all arguments */
    CHECK(six > 0 && *(char *)six == 0);
    forbid(arguments[1]);
    use_memory();
    CHECK(write(1, "ok\n", 3) == 3);
    return 0;
}
