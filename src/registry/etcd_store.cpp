#include "registry/etcd_store.hpp"

#include <algorithm>

#include "registry/base64.hpp"
#include "registry/failure.hpp"
#include "registry/json.hpp"

namespace snowflake::registry {
namespace {

constexpr UnixMs log_kept_ms = 366LL * 86'400'000;
constexpr std::int64_t longest_lease_seconds = std::int64_t{86'400} * 7;

std::string text(std::int64_t number) { return std::to_string(number); }

// So that keys are in order.
std::string padded(UnixMs time) {
  const std::string digits = text(time);
  return std::string(15 - std::min<std::size_t>(15, digits.size()), '0') + digits;
}

std::string range(const std::string& begin, const std::string& end) {
  return R"({"key":")" + to_base64(begin) +
         (end.empty() ? "" : R"(","range_end":")" + to_base64(end)) + "\"}";
}

std::string put(const std::string& key, const std::string& value) {
  return R"({"request_put":{"key":")" + to_base64(key) + R"(","value":")" + to_base64(value) +
         "\"}}";
}

// A key that is missing has revision 0.
std::string unchanged(const std::string& key, std::int64_t revision) {
  return R"({"key":")" + to_base64(key) + R"(","target":"MOD","result":"EQUAL","mod_revision":")" +
         text(revision) + "\"}";
}

std::string to_json(const Row& row) {
  return R"({"version": 1, "holder": ")" + text(row.holder) + R"(", "label": )" +
         json_string(row.label) + R"(, "from": )" + text(row.from) + R"(, "until": )" +
         text(row.until) + R"(, "lease": )" + text(row.lease) + R"(, "latest": )" +
         text(row.time.latest) + R"(, "offset": )" + text(row.time.offset) + "}";
}

std::string log_entry(const Row& row) {
  return R"({"version": 1, "holder": ")" + text(row.holder) + R"(", "label": )" +
         json_string(row.label) + R"(, "from": )" + text(row.from) + R"(, "granted": )" +
         text(row.time.latest) + "}";
}

std::int64_t integer(const Json& object, std::string_view name, std::int64_t least,
                     std::int64_t most) {
  const auto value = object[name].integer();
  if (!value || *value < least || *value > most) throw Failure("no valid " + std::string(name));
  return *value;
}

UnixMs time(const Json& object, std::string_view name) {
  constexpr UnixMs end = 253'402'300'800'000;  // of the year 9999
  return integer(object, name, 0, end);
}

Json parse(std::string_view answer, const char* what) {
  auto json = Json::parse(answer);
  if (!json || json->kind() != Json::Kind::object)
    throw Failure(std::string(what) + " is not a JSON object");
  return std::move(*json);
}

void need_version_1(const Json& json) {
  if (json["version"].integer() != 1)
    throw Failure("it is not of version 1: a newer snowflake_id wrote it");
}

Row to_row(const Json& json) {
  need_version_1(json);
  if (json["label"].kind() != Json::Kind::string) throw Failure("no valid label");
  return {.holder = integer(json, "holder", 0, INT64_MAX),
          .label = json["label"].text(),
          .from = time(json, "from"),
          .until = time(json, "until"),
          .lease = integer(json, "lease", 0, longest_lease_seconds * 1000),
          .time = {.latest = time(json, "latest"), .offset = time(json, "offset")}};
}

// People write it: what is misspelt must not go unnoticed.
void read_config(const Json& json, Realm& realm) {
  for (const auto& [name, value] : json.members())
    if (name == "first")
      realm.first_node = integer(json, name, 0, INT32_MAX);
    else if (name == "last")
      realm.last_node = integer(json, name, 0, INT32_MAX);
    else if (name == "lease_seconds")
      realm.lease = integer(json, name, 1, longest_lease_seconds) * 1000;
    else
      throw Failure("unknown member " + name + ": there are first, last, lease_seconds");
  if (realm.last_node < realm.first_node || realm.last_node - realm.first_node >= most_numbers)
    throw Failure("last must be at least first, and at most " + text(most_numbers) + " numbers");
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 10 &&
         text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text == "0" || text.front() != '0');
}

}  // namespace

const Row* Snapshot::row(std::int64_t node) const {
  const auto found = rows.find(node);
  return found == rows.end() ? nullptr : &found->second;
}

EtcdStore::EtcdStore(std::string_view prefix, std::string_view realm) {
  if (realm.empty() || realm.find('/') != std::string_view::npos)
    throw Failure("a realm in etcd must have a name, without a slash");
  base_ = "/" + std::string(prefix) + "/" + std::string(realm) + "/";
}

std::string EtcdStore::read_request(std::optional<std::int64_t> node) const {
  // '0' comes after '/'.
  const std::string nodes =
      node ? range(key("node/" + text(*node)), "") : range(key("node/"), key("node0"));
  return R"({"success":[{"request_range":)" + range(key("config"), "") + R"(},{"request_range":)" +
         range(key("restored"), "") + R"(},{"request_range":)" + nodes + "}]}";
}

void EtcdStore::read_value(std::string_view its_key, std::int64_t revision,
                           const std::string& value, Snapshot& into) const {
  if (!its_key.starts_with(base_)) return;
  const std::string_view name = its_key.substr(base_.size());
  const Json json = parse(value, "it");
  if (name == "config") return read_config(json, into.realm);
  if (name == "restored") {
    into.realm.restored = time(json, "at");
    into.restored_revision = revision;
    return;
  }
  if (!name.starts_with("node/") || !is_number(name.substr(5)))
    throw Failure("it does not belong there");
  const std::int64_t node = std::stoll(std::string(name.substr(5)));
  into.rows[node] = to_row(json);
  into.row_revisions[node] = revision;
}

Snapshot EtcdStore::snapshot(std::string_view answer) const {
  const Json json = parse(answer, "etcd's answer");
  Snapshot snapshot{.cluster = json["header"]["cluster_id"].text(),
                    .revision = json["header"]["revision"].integer().value_or(0)};
  if (snapshot.revision < 1 || json["responses"].members().size() != 3)
    throw Failure("etcd's answer is none to the question");
  for (const auto& response : json["responses"].members())
    for (const auto& pair : response.second["response_range"]["kvs"].members()) {
      const auto its_key = from_base64(pair.second["key"].text());
      const auto value = from_base64(pair.second["value"].text());
      if (!its_key || !value) throw Failure("etcd's answer has a key or value that is not Base64");
      try {
        read_value(*its_key, integer(pair.second, "mod_revision", 1, INT64_MAX), *value, snapshot);
      } catch (const Failure& failure) {
        throw Failure("the value of " + *its_key + " in etcd is not understood: " + failure.what());
      }
    }
  return snapshot;
}

std::string EtcdStore::write_request(const Snapshot& seen, const Write& write) const {
  const auto revision = seen.row_revisions.find(write.node);
  const std::string node_key = key("node/" + text(write.node));
  std::string compare = unchanged(key("restored"), seen.restored_revision);
  std::string success;
  if (write.row) {
    compare +=
        "," + unchanged(node_key, revision == seen.row_revisions.end() ? 0 : revision->second);
    success += "," + put(node_key, to_json(*write.row));
    if (write.log) success += "," + put_log(seen, write);
  }
  if (write.restored != 0)
    success += "," + put(key("restored"), R"({"at": )" + text(write.restored) + "}");
  return R"({"compare":[)" + compare + R"(],"success":[)" + success.substr(1) + "]}";
}

// What is deleted ends before what is written: etcd takes no transaction that does both with one key.
std::string EtcdStore::put_log(const Snapshot& seen, const Write& write) const {
  const std::string log = key("log/" + text(write.node) + "/");
  const Row* before = seen.row(write.node);
  const UnixMs kept = std::max<UnixMs>(0, write.row->time.latest - log_kept_ms);
  const UnixMs end = before == nullptr ? 0 : std::min(before->from, kept);
  return put(log + padded(write.row->from), log_entry(*write.row)) +
         R"(,{"request_delete_range":)" + range(log, log + padded(end)) + "}";
}

std::optional<std::int64_t> EtcdStore::written(std::string_view answer) {
  const Json json = parse(answer, "etcd's answer");
  const std::int64_t revision = integer(json["header"], "revision", 1, INT64_MAX);
  return json["succeeded"].is_true() ? std::optional(revision) : std::nullopt;
}

std::string etcd_error(std::string_view answer) {
  const auto json = Json::parse(answer);
  if (!json) return {};
  const std::string& error = (*json)["error"].text();
  return error.empty() ? (*json)["message"].text() : error;
}

}  // namespace snowflake::registry
