/*
 * Holds up a backend in the middle of its next commit: when others see already what the transaction did, and no message
 * has told them yet.
 *
 *     CREATE FUNCTION hold_commit(ms int) RETURNS void AS '/…/held_commit.so' LANGUAGE C;
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(hold_commit);

static int held_ms = -1;

static void
hold(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT)
		return;
	for (; held_ms > 0; held_ms--)
		pg_usleep(1000);
}

Datum
hold_commit(PG_FUNCTION_ARGS)
{
	if (held_ms < 0)
		RegisterXactCallback(hold, NULL);
	held_ms = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}
