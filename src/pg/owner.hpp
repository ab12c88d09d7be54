// Acting on a table that somebody owns, for a caller who has that owner's rights: a superuser, say. What the owner wrote
// (triggers, index expressions, constraints, defaults) must not run as the caller.
//
//     lock_own(table, RowExclusiveLock);
//     const Rights before = begin_as_owner(table);
//     SPI_execute(…);                               // of names quoted as qualified_name() does
//     end_as_owner(before);
//
// Guarantees: between the two, what runs has the rights of the table's owner and cannot get others (a security-restricted
// operation); what it changes of settings is as before after it. Tables are found by OID, and nobody waits for a lock on
// what is not his.
//
// Limits: no transaction may end in between. The caller connects to SPI.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// 42P01 if there is no such table, 42501 unless the current user has the rights of its owner.
void check_owns(Oid table);

/// The same, and locks it until the end of the transaction.
void lock_own(Oid table, LOCKMODE lock);

/// 0A000: what runs in a security-restricted operation may not touch temporary tables.
void refuse_temporary(Oid table);

/// Schema and name, quoted. 42P01 if there is no such relation any more.
[[nodiscard]] const char* qualified_name(Oid relation);

/// Its row of pg_class, without the part of variable length.
[[nodiscard]] FormData_pg_class class_of(Oid relation);

/// Who we were.
struct Rights {
  Oid user;
  int context;
  int settings;
};

/// At an error PostgreSQL itself goes back to what was.
[[nodiscard]] Rights begin_as_owner(Oid table);
void end_as_owner(const Rights& before);

}  // namespace snowflake::pg
