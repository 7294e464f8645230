/* Faults happen at the visit that was asked for, and at no other. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "strata/fault.h"

Test(fault, what_is_no_list_is_refused)
{
    static const char *const wrong[] = {"die",
                                        "@",
                                        "explode@x",
                                        "die@",
                                        "die@x,rank",
                                        "die@x,rank=",
                                        "die@x,rank=two",
                                        "fail@x,error=EWHAT",
                                        "die@x,when=3",
                                        "die@a;die@b;die@c;die@d;die@e;die@f;die@g;die@h;die@i"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(strata_fault_arm(wrong[i]), "%s", wrong[i]);
    cr_assert(strata_fault_arm(""));
    cr_assert(strata_fault_arm("die@x,rank=2,count=3;flip@y,bit=4"));
}

Test(fault, a_call_fails_at_its_count_once_or_from_then_on)
{
    cr_assert(strata_fault_arm("fail@file.write,count=3,error=ENOSPC"));
    for (int visit = 1; visit < 8; visit++) {
        errno = 0;
        cr_assert_eq(strata_fault_call("file.write"), visit == 3);
        cr_assert_eq(errno, visit == 3 ? ENOSPC : 0);
        cr_assert_not(strata_fault_call("file.open"));
    }
    cr_assert_eq(strata_fault_happened(), 1);
    cr_assert(strata_fault_arm("fail@file.*,count=3,ever=1"));
    for (int visit = 1; visit < 8; visit++)
        cr_assert_eq(strata_fault_call(visit % 2 ? "file.write" : "file.open"), visit >= 3);
}

Test(fault, only_the_rank_and_the_iteration_asked_for)
{
    unsigned char bytes[4] = {0};
    cr_assert(strata_fault_arm("flip@here,rank=1,bit=33;fail@there,iteration=5"));
    strata_fault_rank(0);
    strata_fault_bytes("here", bytes, sizeof bytes);
    cr_assert_eq(bytes[0], 0);
    strata_fault_rank(1);
    strata_fault_bytes("here", bytes, sizeof bytes); /* bit 33 of 32: bit 1 */
    cr_assert_eq(bytes[0], 2);
    strata_fault_bytes("here", bytes, sizeof bytes);
    cr_assert_eq(bytes[0], 2, "once only");
    strata_fault_visit("there", 4);
    cr_assert_eq(strata_fault_happened(), 1);
    strata_fault_visit("there", 5);
    cr_assert_eq(strata_fault_happened(), 2);
}

Test(fault, who_is_to_die_dies_and_who_is_to_stop_stops)
{
    cr_assert(strata_fault_arm("die@now;stop@then"));
    for (int stops = 0; stops < 2; stops++) {
        const pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            strata_fault_visit(stops ? "then" : "now", 0);
            _exit(0);
        }
        int how = 0;
        cr_assert_eq(waitpid(child, &how, WUNTRACED), child);
        if (stops) {
            cr_assert(WIFSTOPPED(how));
            cr_assert_eq(kill(child, SIGKILL), 0);
            cr_assert_eq(waitpid(child, &how, 0), child);
        } else {
            cr_assert(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        }
    }
}
