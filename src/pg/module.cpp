// What PostgreSQL sees when it loads the library.
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"

extern "C" {
#if PG_VERSION_NUM >= 180000  // upstream commit 9324c8c58065
PG_MODULE_MAGIC_EXT(.name = "snowflake_id", .version = "1.0");
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
  snowflake::pg::define_settings();
  snowflake::pg::request_shared_memory();
}
}
