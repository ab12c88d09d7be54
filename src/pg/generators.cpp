#include "pg/generators.hpp"

#include <new>

#include "pg/generator_spec.hpp"
#include "pg/horizon.hpp"
#include "pg/own_sequence.hpp"

namespace snowflake::pg {
namespace {

/// An entry of the table of named generators. dynahash keeps removed entries for later ones and frees none: a pointer
/// to a generator stays one to a generator, though perhaps of another sequence. So who keeps one asks is_bound_to().
struct Named {
  Oid sequence;  // the key
  Generator generator;
};

constinit HTAB* named_generators = nullptr;
constinit bool some_may_be_gone = false;

void leave_at_exit(int, Datum) {
  for_each_generator([](Generator& generator) { generator.leave(); });
}

void sequence_changed(Datum, Oid relation) {
  some_may_be_gone = true;
  note_changes();
  if (!OidIsValid(relation) || horizon.sequence() == relation) horizon.unbind();
  if (!OidIsValid(relation)) {
    for_each_generator([](Generator& generator) { generator.forget_sequence(); });
    return;
  }
  if (default_generator.is_bound_to(relation)) default_generator.forget_sequence();
  if (named_generators == nullptr) return;
  if (auto* entry =
          static_cast<Named*>(hash_search(named_generators, &relation, HASH_FIND, nullptr)))
    entry->generator.forget_sequence();
}

void privileges_changed(Datum, SyscacheNumber, uint32) {
  for_each_generator([](Generator& generator) { generator.forget_permission(); });
}

HTAB* new_table() {
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Named);
  return hash_create("snowflake_id generators", 16, &control, HASH_ELEM | HASH_BLOBS);
}

void remove(Named* entry) {
  entry->generator.leave();
  entry->generator.forget_sequence();
  hash_search(named_generators, &entry->sequence, HASH_REMOVE, nullptr);
}

/// Looked up in pg_class itself: the cache would keep for good that there is no such relation.
bool exists(Relation pg_class, Oid relation) {
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
  SysScanDesc scan = systable_beginscan(pg_class, ClassOidIndexId, true, nullptr, 1, &key);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  return found;
}

/// Only when something was changed since, and of those that were: nothing else can be gone.
void remove_those_gone() {
  if (!some_may_be_gone) return;
  some_may_be_gone = false;
  Relation pg_class = table_open(RelationRelationId, AccessShareLock);
  HASH_SEQ_STATUS entries;
  hash_seq_init(&entries, named_generators);
  while (auto* entry = static_cast<Named*>(hash_seq_search(&entries)))
    if (!entry->generator.is_bound_to(entry->sequence) && !exists(pg_class, entry->sequence))
      remove(entry);
  table_close(pg_class, AccessShareLock);
}

Named* add(Oid sequence) {
  remove_those_gone();
  auto* entry = static_cast<Named*>(hash_search(named_generators, &sequence, HASH_ENTER, nullptr));
  new (&entry->generator) Generator(sequence);
  return entry;
}

}  // namespace

constinit Generator default_generator;

Generator& generator_named(Oid sequence, const FmgrInfo* caller) {
  if (default_generator.is_bound_to(sequence)) return default_generator;
  if (named_generators == nullptr) named_generators = new_table();
  auto* entry = static_cast<Named*>(hash_search(named_generators, &sequence, HASH_FIND, nullptr));
  if (entry == nullptr) {
    if (is_own_sequence(sequence, caller)) return default_generator;
    (void)spec_of(sequence);  // an error, if it is no generator
    entry = add(sequence);
  }
  return entry->generator;
}

void for_each_generator(void (*visit)(Generator&)) {
  visit(default_generator);
  if (named_generators == nullptr) return;
  HASH_SEQ_STATUS entries;
  hash_seq_init(&entries, named_generators);
  while (void* entry = hash_seq_search(&entries)) visit(static_cast<Named*>(entry)->generator);
}

// A database's owner has privileges as pg_database_owner, so that a change of it is a change of privileges, too.
void register_callbacks() {
  before_first_join = [] { before_shmem_exit(leave_at_exit, 0); };
  CacheRegisterRelcacheCallback(sequence_changed, 0);
  for (const auto cache : {AUTHOID, AUTHMEMROLEMEM, DATABASEOID})
    CacheRegisterSyscacheCallback(cache, privileges_changed, 0);
}

}  // namespace snowflake::pg
