/* tensor/team.h - threads that help the calling one. */
#ifndef ATLED_TEAM_H
#define ATLED_TEAM_H

#include <stdbool.h>

enum { TN_MAX_THREADS = 64 };

/* Calls part(context, 0) in this thread and, in others that come to help in time, part(context, 1) and so on below
 * threads, each at most once. Returns when all calls have. False, without any, while the team is at work already, for
 * this thread or another. */
bool tn_team_run(int threads, void (*part)(void *context, int number), void *context);

/* Ends the helpers, with all that they keep, once they have nothing to do; the next job starts new ones. */
void tn_team_end(void);

#endif
