// The one wall between C++ and PostgreSQL: its headers, and wrappers where its major versions differ.
// (What differs in a hook that one file sets is in that file.)
//
// Rules on this side of the wall: no exceptions; no allocation but palloc; no destructor that
// matters alive across a call into PostgreSQL, because ereport(ERROR) jumps over it.
#pragma once

extern "C" {
#include "postgres.h"  // before all others
}

extern "C" {
#include "access/commit_ts.h"
#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/tsmapi.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_replication_origin.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/sequence.h"
#include "commands/tablespace.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "postmaster/postmaster.h"
#include "replication/origin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "storage/shmem.h"
#include "storage/sinval.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/portal.h"
#include "utils/queryenvironment.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"
#include "utils/varlena.h"
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#endif
}

#if PG_VERSION_NUM < 130000 || PG_VERSION_NUM >= 200000
#error "snowflake_id knows PostgreSQL 13 to 19"
#endif

// Until 14 it is known to the files of PostgreSQL that need it only.
#ifndef DLSUFFIX
#define DLSUFFIX ".so"
#endif

// Since 16 (upstream commit 089480c07705) libraries are built with hidden visibility, and
// PGDLLEXPORT exports a symbol. So it does here with all versions.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/// Opens the definition of a function that SQL can call.
#define SNOWFLAKE_SQL_FUNCTION(name)        \
  extern "C" {                              \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
  PG_FUNCTION_INFO_V1(name);                \
  }                                         \
  Datum name([[maybe_unused]] PG_FUNCTION_ARGS)

namespace snowflake::pg {

/// Which cache a callback of CacheRegisterSyscacheCallback() is told of.
#if PG_VERSION_NUM >= 190000
using SyscacheNumber = SysCacheIdentifier;
#else
using SyscacheNumber = int;
#endif

/// Names where a row came from; 0 is this server itself.
#if PG_VERSION_NUM >= 190000
using Origin = ReplOriginId;
#else
using Origin = RepOriginId;
#endif

/// The variable of that name, which may be a placeholder for a library not loaded yet; nullptr if
/// there is none.
inline const config_generic* find_setting(const char* name) {
#if PG_VERSION_NUM >= 160000  // find_option() is public since guc.c was split up
  return find_option(name, false, true, 0);
#else
  config_generic** variables = get_guc_variables();
  for (int i = 0; i < GetNumConfigOptions(); ++i)
    if (pg_strcasecmp(variables[i]->name, name) == 0) return variables[i];
  return nullptr;
#endif
}

/// Claims the prefix: a misspelt setting gives a warning instead of being kept silently.
inline void reserve_setting_prefix(const char* prefix) {
#if PG_VERSION_NUM >= 150000  // upstream commit 88103567cb8f
  MarkGUCPrefixReserved(prefix);
#else
  EmitWarningsOnPlaceholders(prefix);
#endif
}

inline void ignore_signal(int number) {
#if PG_VERSION_NUM >= 190000  // handlers are functions of another type
  pqsignal(number, PG_SIG_IGN);
#else
  pqsignal(number, SIG_IGN);
#endif
}

/// What pg_stat_activity shows while we wait.
inline uint32 wait_event([[maybe_unused]] const char* name) {
#if PG_VERSION_NUM >= 170000  // upstream commit c9af054653077
  return WaitEventExtensionNew(name);
#else
  return PG_WAIT_EXTENSION;
#endif
}

/// Whether the running transaction has given an older relation new storage, which goes if it is rolled back.
inline bool has_storage_of_this_transaction(const RelationData& relation) {
#if PG_VERSION_NUM >= 160000  // upstream commit b0a55e43299c
  const SubTransactionId changed = relation.rd_firstRelfilelocatorSubid;
#else
  const SubTransactionId changed = relation.rd_firstRelfilenodeSubid;
#endif
  return changed != InvalidSubTransactionId && relation.rd_createSubid == InvalidSubTransactionId;
}

/// Whether the server waits for synchronous standbys. The caller holds SyncRepLock.
inline bool synchronous_standbys_are_defined() {
#ifdef SYNC_STANDBY_DEFINED  // the minor releases of 2025; before the checkpointer has looked, the setting tells
  if ((WalSndCtl->sync_standbys_status & SYNC_STANDBY_INIT) != 0)
    return (WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0;
  return SyncRepStandbyNames != nullptr && SyncRepStandbyNames[0] != '\0';
#else
  return WalSndCtl->sync_standbys_defined;
#endif
}

/// The method SYSTEM of TABLESAMPLE.
#if PG_VERSION_NUM >= 140000  // named for the SQL function, not for the one in C
inline constexpr Oid sample_system = F_SYSTEM;
#else
inline constexpr Oid sample_system = F_TSM_SYSTEM_HANDLER;
#endif

/// Opens a scan of the rows that a method of TABLESAMPLE chooses, a page at a time, past the cache.
inline TableScanDesc begin_sample_scan(Relation relation, Snapshot snapshot) {
#if PG_VERSION_NUM >= 190000  // takes flags
  return table_beginscan_sampling(relation, snapshot, 0, nullptr, true, false, true, 0);
#else
  return table_beginscan_sampling(relation, snapshot, 0, nullptr, true, false, true);
#endif
}

/// The next of sorted values that are passed by value; false after the last.
inline bool next_sorted(Tuplesortstate* sort, Datum* value) {
  bool is_null = false;
#if PG_VERSION_NUM >= 160000  // asks whether to copy
  return tuplesort_getdatum(sort, true, false, value, &is_null, nullptr);
#else
  return tuplesort_getdatum(sort, true, value, &is_null, nullptr);
#endif
}

/// Whether the current user has the rights of its owner.
inline bool owns_relation(Oid relation) {
#if PG_VERSION_NUM >= 160000  // upstream commit afbfc02983f8
  return object_ownercheck(RelationRelationId, relation, GetUserId());
#else
  return pg_class_ownercheck(relation, GetUserId());
#endif
}

/// Whether it is a partition of that table.
inline bool is_partition_of(Oid partition, Oid table) {
#if PG_VERSION_NUM >= 140000  // may be asked of one that is being detached
  return get_rel_relispartition(partition) && get_partition_parent(partition, true) == table;
#else
  return get_rel_relispartition(partition) && get_partition_parent(partition) == table;
#endif
}

/// The row type that the called function returns.
inline TupleDesc result_row(FunctionCallInfo fcinfo) {
  TupleDesc row;
  if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  return BlessTupleDesc(row);
}

}  // namespace snowflake::pg
