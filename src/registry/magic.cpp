// By this PostgreSQL knows that the library was built for it. Nothing else here knows of PostgreSQL's server.
extern "C" {
#include "postgres.h"  // before all others
}

extern "C" {
#include "fmgr.h"

#if PG_VERSION_NUM >= 180000  // upstream commit 9324c8c58065
PG_MODULE_MAGIC_EXT(.name = "snowflake_id_registry", .version = "1.0");
#else
PG_MODULE_MAGIC;
#endif
}
