/* The least that an SQL function can do in C: the floor that all others are measured from. */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(empty_function);

Datum empty_function(PG_FUNCTION_ARGS)
{
  PG_RETURN_INT64(1);
}
