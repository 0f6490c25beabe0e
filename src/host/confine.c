/* confine.c - programs that forbid themselves system calls, and are ended for those they have forgotten (seccomp).
 *
 * A filter has what the program needs and what its malloc needs; of a guest's readings of /proc, its snapshots and its
 * masks of signals it knows nothing.  So before one is set the last figures are written, with what was traced, and from then
 * on nothing is asked of the system but pages.  Whether a filter would forbid any of that isn't looked at: almost all do.
 *
 * libseccomp comes by syscall(), which must not stand on the stack of what is called: so it ends in a jump. */
#define _GNU_SOURCE
#include "host/host.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

typedef long next_syscall(long, long, long, long, long, long, long);
typedef int next_prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);

static next_syscall *syscall_behind;
static next_prctl *prctl_behind;

void
ouro__confine_begin(void)
{
    void *found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&syscall_behind, &found, sizeof found);
    found = dlsym(RTLD_NEXT, "prctl");
    memcpy(&prctl_behind, &found, sizeof found);
}

/* Without a filter it is a question, whether there are filters here. */
static void
before_filter(bool is_strict, bool has_filter)
{
    if (is_strict || has_filter) {
        ouro__watch_confine();
    }
}

/* Both have as many arguments as there can be, whatever they are called with.  They are declared with any. */
long ouro__syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
int ouro__prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                unsigned long d) __asm__("prctl");

OURO_API OURO_ENDS_IN_A_JUMP long
ouro__syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (OURO_UNLIKELY(syscall_behind == NULL)) {
        ouro__confine_begin();
    }
    if (OURO_UNLIKELY(number == SYS_seccomp)) {
        before_filter(a == SECCOMP_SET_MODE_STRICT, a == SECCOMP_SET_MODE_FILTER && c != 0);
    }
    return syscall_behind(number, a, b, c, d, e, f);
}

OURO_API OURO_ENDS_IN_A_JUMP int
ouro__prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (OURO_UNLIKELY(prctl_behind == NULL)) {
        ouro__confine_begin();
    }
    if (OURO_UNLIKELY(option == PR_SET_SECCOMP)) {
        before_filter(a == SECCOMP_MODE_STRICT, a == SECCOMP_MODE_FILTER && b != 0);
    }
    return prctl_behind(option, a, b, c, d);
}
