/* To be preloaded: ntp_adjtime() says what KERNEL_CLOCK says: "STATE ESTIMATED_ERROR MAXIMUM_ERROR", in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>

int ntp_adjtime(struct timex* clock) {
  int state = -1;
  FILE* file = fopen(getenv("KERNEL_CLOCK"), "r");
  if (file == NULL) return -1;
  if (fscanf(file, "%d %ld %ld", &state, &clock->esterror, &clock->maxerror) != 3) state = -1;
  fclose(file);
  return state;
}
