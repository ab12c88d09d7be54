// JSON, Base64, the URI of an etcd, and what stands in it.
#include <gtest/gtest.h>

#include "registry/base64.hpp"
#include "registry/etcd_store.hpp"
#include "registry/etcd_uri.hpp"
#include "registry/failure.hpp"
#include "registry/json.hpp"

namespace snowflake::registry {
namespace {

TEST(Json, ReadsWhatEtcdWrites) {
  const auto json =
      Json::parse(R"( {"header":{"revision":"12"},"kvs":[{"a":[]},{"b":-3,"c":true}],"d":null} )");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["header"]["revision"].integer(), 12);
  EXPECT_EQ((*json)["kvs"][1]["b"].integer(), -3);
  EXPECT_TRUE((*json)["kvs"][1]["c"].is_true());
  EXPECT_EQ((*json)["kvs"].members().size(), 2U);
  EXPECT_EQ((*json)["nothing"]["below"][7].kind(), Json::Kind::null);
  EXPECT_FALSE((*json)["nothing"].integer());
}

TEST(Json, ReadsEscapes) {
  EXPECT_EQ(Json::parse(R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")")->text(),
            "a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(Json, RefusesWhatIsNone) {
  for (const char* text :
       {"",      "{",       "[1,]",        "{\"a\"}",     "{\"a\":1,}",  "{a:1}",  "01",
        "1.",    "-",       "+1",          ".5",          "1e",          "nul",    "tru",
        "\"",    "\"\\x\"", "\"\\ud83d\"", "\"\\udc00\"", "\"\\u12g4\"", "\"\n\"", "1 2",
        "[1 2]", "]"})
    EXPECT_FALSE(Json::parse(text)) << text;
  EXPECT_FALSE(Json::parse(std::string(33, '[') + std::string(33, ']'))) << "too deep";
  EXPECT_TRUE(Json::parse(std::string(32, '[') + std::string(32, ']')));
}

TEST(Json, IntegersAreWholeAndFit) {
  EXPECT_EQ(Json::parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_FALSE(Json::parse("9223372036854775808")->integer());
  EXPECT_FALSE(Json::parse("1.0")->integer());
  EXPECT_FALSE(Json::parse("\"1 \"")->integer());
  EXPECT_FALSE(Json::parse("\"\"")->integer());
}

TEST(Json, WritesStringsThatItReads) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(Json::parse(json_string(all))->text(), all);
}

TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> pairs[] = {
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},
      {"foo", "Zm9v"},  {"foob", "Zm9vYg=="},  {"fooba", "Zm9vYmE="},
      {"\xFF", "/w=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  for (const char* text : {"Z", "Zg=", "Zm9v=", "Zg==Zg==", "====", "Z===", "Zm 9v", "Zm9-"})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(EtcdUri, NamesPlacesAndPrefix) {
  const EtcdUri uri = parse_etcd_uri("etcd://a,10.0.0.1:1234,[::1]:5,[fe80::2]/ids/of%20all/");
  ASSERT_EQ(uri.places.size(), 4U);
  EXPECT_EQ(uri.places[0].host, "a");
  EXPECT_EQ(uri.places[0].port, "2379");
  EXPECT_EQ(uri.places[1].port, "1234");
  EXPECT_EQ(uri.places[2].host, "::1");
  EXPECT_EQ(uri.places[2].port, "5");
  EXPECT_EQ(uri.places[3].host, "fe80::2");
  EXPECT_EQ(uri.prefix, "ids/of all");
  EXPECT_FALSE(uri.tls);
  EXPECT_EQ(parse_etcd_uri("etcd://a").prefix, "snowflake_id");
  EXPECT_EQ(parse_etcd_uri("etcd://a/").prefix, "snowflake_id");
}

TEST(EtcdUri, NamesFilesAndUser) {
  const EtcdUri uri = parse_etcd_uri("etcds://i%40ds@a?cacert=/a%26b&cert=/c&key=/k&passfile=/p");
  EXPECT_TRUE(uri.tls);
  EXPECT_EQ(uri.user, "i@ds");
  EXPECT_EQ(uri.cacert, "/a&b");
  EXPECT_EQ(uri.cert, "/c");
  EXPECT_EQ(uri.key, "/k");
  EXPECT_EQ(uri.passfile, "/p");
}

TEST(EtcdUri, RefusesWhatIsNone) {
  for (const char* text : {"http://a",
                           "etcd://",
                           "etcd://a,",
                           "etcd://a:0",
                           "etcd://a:65536",
                           "etcd://a:b",
                           "etcd://a b",
                           "etcd://[::1",
                           "etcd://[::1]5",
                           "etcd://::1",
                           "etcd://a?x=y",
                           "etcd://a?cacert=/c",
                           "etcds://a",
                           "etcds://a?cacert=/a&cert=/c",
                           "etcds://a?cacert=/a&key=/c",
                           "etcd://u@a",
                           "etcd://a?passfile=/p",
                           "etcd://u:secret@a?passfile=/p",
                           "etcd://@a?passfile=/p",
                           "etcd://a/%",
                           "etcd://a/%4",
                           "etcd://a/%zz",
                           "etcd://a/%00"})
    EXPECT_THROW((void)parse_etcd_uri(text), Failure) << text;
}

// --- What stands in etcd ---

std::string pair(const std::string& key, const std::string& value, int revision = 5) {
  return R"({"key":")" + to_base64(key) + R"(","mod_revision":")" + std::to_string(revision) +
         R"(","value":")" + to_base64(value) + "\"}";
}

std::string answer(const std::string& pairs) {
  return R"({"header":{"cluster_id":"9","revision":"77"},"succeeded":true,"responses":[{"response_range":{}},)"
         R"({"response_range":{}},{"response_range":{"kvs":[)" +
         pairs + "]}}]}";
}

std::string problem_of(const std::string& text) {
  try {
    (void)EtcdStore("ids", "main").snapshot(text);
    return "";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

TEST(EtcdStore, ReadsWhatItWrites) {
  const EtcdStore store("ids", "main");
  const Row row{.holder = INT64_MAX,
                .label = "db\"1:5432",
                .from = 1,
                .until = 1'795'221'030'000,
                .lease = 30'000,
                .time = {.latest = 4, .offset = 5}};
  const auto request =
      Json::parse(store.write_request({}, {.node = 31, .row = row, .log = true, .restored = 6}));
  ASSERT_TRUE(request);
  std::string pairs;
  for (const auto& operation : (*request)["success"].members()) {
    const Json& put = operation.second["request_put"];
    const std::string key = from_base64(put["key"].text()).value();
    if (put.kind() == Json::Kind::null || key.find("/log/") != std::string::npos) continue;
    pairs += (pairs.empty() ? "" : ",") + pair(key, from_base64(put["value"].text()).value());
  }
  const Snapshot snapshot = store.snapshot(answer(pairs));
  ASSERT_EQ(snapshot.rows.size(), 1U);
  const Row& read = *snapshot.row(31);
  EXPECT_EQ(read.holder, row.holder);
  EXPECT_EQ(read.label, row.label);
  EXPECT_EQ(read.from, row.from);
  EXPECT_EQ(read.until, row.until);
  EXPECT_EQ(read.lease, row.lease);
  EXPECT_EQ(read.time.latest, row.time.latest);
  EXPECT_EQ(read.time.offset, row.time.offset);
  EXPECT_EQ(snapshot.realm.restored, 6);
  EXPECT_EQ(snapshot.row_revisions.at(31), 5);
  EXPECT_EQ(snapshot.revision, 77);
}

TEST(EtcdStore, WritesOnlyWhatNobodyHasWrittenSince) {
  const Snapshot seen{.row_revisions = {{3, 41}}, .restored_revision = 42};
  const auto known =
      Json::parse(EtcdStore("ids", "main").write_request(seen, {.node = 3, .row = Row{}}));
  ASSERT_EQ((*known)["compare"].members().size(), 2U);
  EXPECT_EQ((*known)["compare"][0]["mod_revision"].integer(), 42);
  EXPECT_EQ(from_base64((*known)["compare"][0]["key"].text()), "/ids/main/restored");
  EXPECT_EQ((*known)["compare"][1]["mod_revision"].integer(), 41);
  EXPECT_EQ(from_base64((*known)["compare"][1]["key"].text()), "/ids/main/node/3");
  const auto unknown =
      Json::parse(EtcdStore("ids", "main").write_request(seen, {.node = 4, .row = Row{}}));
  EXPECT_EQ((*unknown)["compare"][1]["mod_revision"].integer(), 0);
}

TEST(EtcdStore, ReadsWhatPeopleConfigure) {
  const Snapshot snapshot =
      EtcdStore("ids", "main")
          .snapshot(answer(
              pair("/ids/main/config", R"({"first": 32, "last": 63, "lease_seconds": 60})")));
  EXPECT_EQ(snapshot.realm.first_node, 32);
  EXPECT_EQ(snapshot.realm.last_node, 63);
  EXPECT_EQ(snapshot.realm.lease, 60'000);
}

TEST(EtcdStore, RefusesWhatItDoesNotUnderstandAndNamesTheKey) {
  for (const char* config :
       {R"({"lst": 3})", R"({"last": -1})", R"({"first": 5, "last": 4})", R"({"lease_seconds": 0})",
        R"({"last": 65536})", "[]", "x", R"({"lease_seconds": "10min"})"})
    EXPECT_NE(problem_of(answer(pair("/ids/main/config", config))).find("/ids/main/config"),
              std::string::npos)
        << config;
  for (const char* row :
       {"{}", "", R"({"version": 2})", R"({"version": 1, "holder": "1", "label": "a", "from": 0})"})
    EXPECT_NE(problem_of(answer(pair("/ids/main/node/5", row))).find("/ids/main/node/5"),
              std::string::npos)
        << row;
  for (const char* key :
       {"/ids/main/node/05", "/ids/main/node/x", "/ids/main/node/", "/ids/main/node/99999999999"})
    EXPECT_NE(problem_of(answer(pair(key, "{}"))).find(key), std::string::npos) << key;
  EXPECT_NE(problem_of("{}"), "");
  EXPECT_NE(problem_of("<html>"), "");
  EXPECT_THROW(EtcdStore("ids", ""), Failure);
  EXPECT_THROW(EtcdStore("ids", "a/b"), Failure);
}

}  // namespace
}  // namespace snowflake::registry
