// A table that is partitioned by ranges of IDs: its key, its partitions and their bounds, read from the catalogs.
//
//     const IdPartitions partitions = partitions_of(table);   // 42809 unless it is partitioned so
//
// Guarantees: no lock on a partition is taken, and nothing of the owner's is run. The catalogs are read as they are now,
// whatever snapshot the transaction has.
//
// Limits: one key column, a bigint, compared as bigint is. A partition that is being detached is none.
#pragma once

#include <optional>

#include "core/gaps.hpp"
#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

struct IdPartition {
  Oid relation;
  IdRange ids;
};

/// The partitions with bounds, sorted by them; and the default partition, or InvalidOid.
struct IdPartitions {
  IdPartition* of_range;
  std::size_t size;
  Oid of_default;
  const char* key;  ///< the name of the column

  [[nodiscard]] const IdPartition* begin() const { return of_range; }
  [[nodiscard]] const IdPartition* end() const { return of_range + size; }
};

/// 42809 unless the table is partitioned by ranges of one bigint. The caller holds a lock on it.
[[nodiscard]] IdPartitions partitions_of(Oid table);

/// The bounds of a partition; nothing if it is no partition by range of one bigint, or is the default.
[[nodiscard]] std::optional<IdRange> bounds_of(Oid partition);

/// The time at which the IDs from that one on begin; -infinity and infinity beyond the layout's IDs.
[[nodiscard]] TimestampTz time_of_bound(std::int64_t id, const Layout& layout);

}  // namespace snowflake::pg
