#include "registry/etcd_client.hpp"

#include <algorithm>

#include "registry/failure.hpp"
#include "registry/json.hpp"
#include "registry/password_file.hpp"

namespace snowflake::registry {

EtcdClient::EtcdClient(EtcdUri uri)
    : TimedClient(uri.places),
      uri_(std::move(uri)),
      http_({.cacert = uri_.cacert, .cert = uri_.cert, .key = uri_.key}) {}

void EtcdClient::begin() {
  store_.emplace(uri_.prefix, question().realm);
  authenticated_ = false;
  tries_ = 0;
  if (!uri_.user.empty() && token_.empty())
    authenticate();
  else
    read(question().kind == Question::Kind::claim);
}

void EtcdClient::send(Step step, const char* path, const std::string& body) {
  step_ = step;
  const bool is_v6 = route().place().host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + route().place().host + "]" : route().place().host;
  const std::string origin = host + ":" + route().place().port;
  const bool to_v6 = route().address().find(':') != std::string::npos;
  const std::string address = to_v6 ? "[" + route().address() + "]" : route().address();
  http_.post((uri_.tls ? "https://" : "http://") + origin + path,
             origin + ":" + address + ":" + route().place().port, body,
             step == Step::authenticate ? "" : token_);
}

void EtcdClient::authenticate() {
  authenticated_ = true;
  token_.clear();
  send(Step::authenticate, "/v3/auth/authenticate",
       R"({"name":)" + json_string(uri_.user) + R"(,"password":)" +
           json_string(read_password(uri_.passfile)) + "}");
}

void EtcdClient::read(bool all) {
  read_all_ = all;
  send(Step::read, "/v3/kv/txn",
       store_->read_request(all ? std::nullopt : std::optional(question().node)));
}

bool EtcdClient::go_on(Answer& answer) {
  Http::Response response;
  if (!http_.advance(response)) return false;
  if (response.status != 200) return take_refusal(response);
  switch (step_) {
    case Step::authenticate:
      take_token(response);
      return false;
    case Step::read:
      return take_snapshot(response, answer);
    case Step::write:
      return take_written(response, answer);
  }
  return false;
}

// A token has a time limit, and ends when etcd is restarted or its users are changed: of all of it etcd says other
// things, by version.
bool EtcdClient::take_refusal(const Http::Response& response) {
  const std::string error = etcd_error(response.body);
  const bool about_token = response.status == 401 ||
                           error.find("auth token") != std::string::npos ||
                           error.find("auth store is old") != std::string::npos ||
                           error.find("user name is empty") != std::string::npos;
  if (about_token && !uri_.user.empty() && !authenticated_) {
    authenticate();
    return false;
  }
  if (response.status == 404) throw Failure("it does not serve /v3/: etcd 3.4 or later is needed");
  throw Failure(error.empty() ? "HTTP status " + std::to_string(response.status) : error);
}

void EtcdClient::take_token(const Http::Response& response) {
  const auto json = Json::parse(response.body);
  if (json) token_ = (*json)["token"].text();
  // It goes into a header.
  const auto is_visible = [](char each) { return each > ' ' && each < '\x7F'; };
  if (token_.empty() || !std::all_of(token_.begin(), token_.end(), is_visible)) {
    token_.clear();
    throw Failure("etcd gave no token");
  }
  read(question().kind == Question::Kind::claim);
}

bool EtcdClient::take_snapshot(const Http::Response& response, Answer& answer) {
  if (response.date_ms < 0) throw Failure("etcd's answer has no Date");
  clock_ = response.date_ms;
  snapshot_ = store_->snapshot(response.body);
  if (!was_restored()) note_seen();
  return decide(answer);
}

bool EtcdClient::take_written(const Http::Response& response, Answer& answer) {
  const auto revision = EtcdStore::written(response.body);
  if (!revision)
    ++tries_;
  else if (then_) {
    seen_revision_ = *revision;
    answer = *then_;
    return true;
  }
  read(read_all_);
  return false;
}

bool EtcdClient::was_restored() const {
  return !seen_cluster_.empty() &&
         (snapshot_.cluster != seen_cluster_ || snapshot_.revision < seen_revision_);
}

void EtcdClient::note_seen() {
  seen_cluster_ = snapshot_.cluster;
  seen_revision_ = snapshot_.revision;
  seen_time_ = std::max(seen_time_, restored_at(snapshot_.rows, clock_) - slack_ms);
}

bool EtcdClient::decide(Answer& answer) {
  if (was_restored() && !is_noted()) {
    if (read_all_)
      write({.restored = restored_at(snapshot_.rows, std::max(clock_, seen_time_))}, std::nullopt);
    else
      read(true);
    return false;
  }
  note_seen();
  switch (question().kind) {
    case Question::Kind::claim:
      return decide_claim(answer);
    case Question::Kind::renew:
      return decide_renewal(answer);
    case Question::Kind::give_back:
      return decide_give_back(answer);
  }
  return false;
}

// By another client, that saw the restore earlier: what was noted before it was forgotten with all else.
bool EtcdClient::is_noted() const { return snapshot_.realm.restored >= seen_time_ + slack_ms; }

bool EtcdClient::decide_claim(Answer& answer) {
  const std::size_t spread = std::size_t{1} << std::min<std::size_t>(tries_, 16);
  const Claim claimed =
      claim(snapshot_.realm, snapshot_.rows,
            {.holder = question().holder, .label = question().label}, clock_, spread);
  switch (claimed.kind) {
    case Claim::Kind::again:
    case Claim::Kind::taken:
      then_ = granted(claimed.node, claimed.row);
      break;
    case Claim::Kind::settling:
      then_ = settling();
      break;
    case Claim::Kind::full:
      then_ = Answer{.kind = Answer::Kind::full};
      break;
  }
  if (claimed.node >= 0 && claimed.kind != Claim::Kind::again) {
    write({.node = claimed.node, .row = claimed.row, .log = claimed.kind == Claim::Kind::taken},
          then_);
    return false;
  }
  answer = *then_;
  return true;
}

bool EtcdClient::decide_renewal(Answer& answer) {
  const UnixMs restored = restored_at(snapshot_.rows, clock_);
  const Row* row = snapshot_.row(question().node);
  const Renewal renewal = renew(snapshot_.realm, row, question(), clock_, restored);
  if (renewal.forgotten && !read_all_) {
    read(true);  // what is noted depends on all numbers
    return false;
  }
  const Answer lost{.kind = Answer::Kind::lost};
  if (renewal.lost && !renewal.forgotten) {
    answer = lost;
    return true;
  }
  Write writing{.node = question().node, .restored = renewal.forgotten ? restored : 0};
  if (!renewal.lost) writing.row = renewal.row;
  writing.log = writing.row && (row == nullptr || row->holder != question().holder);
  write(writing, renewal.lost ? lost : granted(question().node, renewal.row));
  return false;
}

bool EtcdClient::decide_give_back(Answer& answer) {
  const auto given =
      give_back(snapshot_.row(question().node), question().holder, question().until, clock_);
  if (!given) {
    answer.kind = Answer::Kind::lost;
    return true;
  }
  write({.node = question().node, .row = given}, Answer{.kind = Answer::Kind::returned});
  return false;
}

void EtcdClient::write(const Write& write, const std::optional<Answer>& then) {
  then_ = then;
  send(Step::write, "/v3/kv/txn", store_->write_request(snapshot_, write));
}

Answer EtcdClient::granted(std::int64_t node, const Row& row) const {
  return granted_answer(node, row.from, row.until, time_at(row.time, clock_).latest);
}

Answer EtcdClient::settling() const {
  Answer answer{.kind = Answer::Kind::settling};
  const UnixMs left = snapshot_.realm.settled() - clock_;
  put_message(answer, left <= 0
                          ? "the numbers that are free were used until a time that is still to come"
                          : "etcd was restored: numbers are granted again in at most " +
                                std::to_string(left / 1000 + 1) + " s");
  return answer;
}

}  // namespace snowflake::registry
