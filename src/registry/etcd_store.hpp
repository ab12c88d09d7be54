// What stands in etcd, and the requests by which it is read and written: JSON for /v3/kv/txn.
//
//     /snowflake_id/main/node/5                    who has number 5 of realm main, and until when
//     /snowflake_id/main/log/5/1795221000000       who was granted number 5 from that time on
//     /snowflake_id/main/config                    {"first": 0, "last": 31, "lease_seconds": 600}; may be missing
//     /snowflake_id/main/restored                  {"at": …}: when etcd was found to have been restored
//
// The value of a number:
//
//     {"version": 1, "holder": "816…", "label": "db1:5432", "from": 0, "until": 1795221030000,
//      "lease": 30000, "latest": 1795221000000, "offset": 0}
//
// Guarantees: a snapshot is of one moment. A write succeeds only if nobody has written the number, or noted a restore,
// since. A value that is not understood is refused with its key, never taken for one that is missing.
//
// Limits: the log is kept for a year; of each number, the last two grants for ever.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "registry/rules.hpp"

namespace snowflake::registry {

struct Snapshot {
  std::string cluster;
  std::int64_t revision = 0;
  Realm realm = {};
  Rows rows = {};
  std::map<std::int64_t, std::int64_t> row_revisions = {};
  std::int64_t restored_revision = 0;

  [[nodiscard]] const Row* row(std::int64_t node) const;
};

struct Write {
  std::int64_t node = 0;
  std::optional<Row> row = {};
  bool log = false;     ///< it is a grant
  UnixMs restored = 0;  ///< to be noted, unless 0
};

class EtcdStore {
 public:
  /// Throws Failure if the realm cannot be part of a key.
  EtcdStore(std::string_view prefix, std::string_view realm);

  /// All numbers, or one.
  [[nodiscard]] std::string read_request(std::optional<std::int64_t> node) const;

  /// Throws Failure.
  [[nodiscard]] Snapshot snapshot(std::string_view answer) const;

  [[nodiscard]] std::string write_request(const Snapshot& seen, const Write& write) const;

  /// etcd's revision by it, if it was written. Throws Failure.
  [[nodiscard]] static std::optional<std::int64_t> written(std::string_view answer);

 private:
  [[nodiscard]] std::string key(std::string_view name) const { return base_ + std::string(name); }
  [[nodiscard]] std::string put_log(const Snapshot& seen, const Write& write) const;
  void read_value(std::string_view its_key, std::int64_t revision, const std::string& value,
                  Snapshot& into) const;

  std::string base_;
};

/// Of a refusal: what etcd says about it, or nothing.
[[nodiscard]] std::string etcd_error(std::string_view answer);

}  // namespace snowflake::registry
