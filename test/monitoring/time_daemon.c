/* What the kernel says of the clock, for a server of the tests: a time daemon keeps it right, or does not while the file
 * that TIME_DAEMON_GONE names is there. To be preloaded; the machine's own daemon, if there is one, plays no part. */
#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

static int discipline(struct timex *clock) {
    const char *gone = getenv("TIME_DAEMON_GONE");
    const int is_gone = gone && access(gone, F_OK) == 0;
    clock->esterror = is_gone ? 16000000 : 40;
    clock->maxerror = is_gone ? 16000000 : 2000;
    return is_gone ? TIME_ERROR : TIME_OK;
}

int ntp_adjtime(struct timex *clock) { return discipline(clock); }
int adjtimex(struct timex *clock) { return discipline(clock); }
