// What PostgreSQL sees when it loads the library.
#include "pg/discard.hpp"
#include "pg/generators.hpp"
#include "pg/node.hpp"
#include "pg/postgres.hpp"
#include "pg/registry_worker.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/version.hpp"

extern "C" {
#if PG_VERSION_NUM >= 180000  // upstream commit 9324c8c58065
PG_MODULE_MAGIC_EXT(.name = "snowflake_id", .version = snowflake::pg::version);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
  using namespace snowflake::pg;
  define_settings(
      [] { for_each_generator([](Generator& generator) { generator.forget_reservation(); }); });
  request_shared_memory();
  warn_without_preload();
  register_callbacks();
  watch_discard();
  register_registry_worker();
}
}
