// The client of a registry in etcd, by the JSON gateway of its v3 API (3.4 or later).
//
//     EtcdClient client(parse_etcd_uri("etcd://10.0.0.1:2379,10.0.0.2:2379"));
//
// It reads, decides by rules.hpp, and writes if nobody has written meanwhile; else it reads again. The registry's time
// is that of etcd's answers, in whole seconds: never the time of this machine.
//
// Guarantees: those of rules.hpp and etcd_store.hpp. An etcd that has gone back behind what this client saw before was
// restored: that is noted for all, and no number is granted before everything is over that it may have forgotten.
//
// Limits: a restore that no client sees, because none of them was there before, is not noticed. Authentication by the
// name in a certificate is not possible through the gateway: user and passfile are needed where etcd has users.
#pragma once

#include <optional>
#include <string>

#include "registry/etcd_store.hpp"
#include "registry/etcd_uri.hpp"
#include "registry/http.hpp"
#include "registry/timed_client.hpp"

namespace snowflake::registry {

class EtcdClient final : public TimedClient {
 public:
  explicit EtcdClient(EtcdUri uri);

 private:
  enum class Step { authenticate, read, write };

  [[nodiscard]] bool is_connected() const override { return http_.is_connected(); }
  void begin() override;
  [[nodiscard]] bool go_on(Answer& answer) override;
  void drop() override { http_.drop(); }

  void send(Step step, const char* path, const std::string& body);
  void authenticate();
  void read(bool all);
  void take_token(const Http::Response& response);
  [[nodiscard]] bool take_refusal(const Http::Response& response);
  [[nodiscard]] bool take_snapshot(const Http::Response& response, Answer& answer);
  [[nodiscard]] bool take_written(const Http::Response& response, Answer& answer);

  [[nodiscard]] bool was_restored() const;
  [[nodiscard]] bool is_noted() const;
  void note_seen();
  [[nodiscard]] bool decide(Answer& answer);
  [[nodiscard]] bool decide_claim(Answer& answer);
  [[nodiscard]] bool decide_renewal(Answer& answer);
  [[nodiscard]] bool decide_give_back(Answer& answer);
  void write(const Write& write, const std::optional<Answer>& then);
  [[nodiscard]] Answer granted(std::int64_t node, const Row& row) const;
  [[nodiscard]] Answer settling() const;

  EtcdUri uri_;
  Http http_;
  std::optional<EtcdStore> store_;
  std::string token_;
  bool authenticated_ = false;  // since the question was begun here
  std::size_t tries_ = 0;

  Step step_ = Step::read;
  bool read_all_ = false;
  Snapshot snapshot_;
  UnixMs clock_ = 0;            // etcd's, when it was read
  std::optional<Answer> then_;  // once it is written; else the question goes on

  // What was seen of etcd at the last answer.
  std::string seen_cluster_;
  std::int64_t seen_revision_ = 0;
  UnixMs seen_time_ = 0;
};

}  // namespace snowflake::registry
