// What the registry worker asks of a registry, and how: one question at a time, without ever waiting.
//
//     Client* client = ...                                 // of a PostgreSQL or of an etcd
//     client->ask({.kind = Question::Kind::claim, .realm = "main", .holder = holder, .label = "db1:5432"});
//     Answer answer;
//     while (!client->advance(answer)) ... sleep some milliseconds, look for signals
//
// Guarantees: neither call blocks, whatever the other side does, not even for the resolution of a host's name. What
// fails is told as an answer, in words for the server's log. A question may be abandoned at any time by destroying the
// client; then, or after a failure, it may have been carried out or not: the registry's contract allows for both.
//
// It is seen from two libraries, one of which has nothing of the C++ runtime: no std::string here.
//
// Limits: no PostgreSQL error is ever raised here, and no C++ exception.
#pragma once

#include <cstdint>

#include "core/layout.hpp"

namespace snowflake::registry {

struct Question {
  enum class Kind { claim, renew, give_back };
  Kind kind;
  const char* realm;
  std::int64_t holder;    ///< random, never 0
  const char* label;      ///< for people: which server this is
  std::int64_t node = 0;  ///< renew, give_back
  UnixMs from = 0;        ///< renew: of the grant as it is known here
  UnixMs until = 0;  ///< renew: of the grant as it is known here; give_back: the last time used
};

struct Answer {
  static constexpr int message_size = 256;
  enum class Kind {
    granted,   ///< to claim, renew: node, from, until, now, as far as they are asked for
    returned,  ///< to give_back
    lost,      ///< to renew, give_back: the number is not ours any more
    full,      ///< to claim: all numbers are held
    settling,  ///< to claim: what is free cannot be granted yet; `message` says why
    failed     ///< no answer, or not to be understood: `message` says why
  };
  Kind kind = Kind::failed;
  std::int64_t node = 0;
  UnixMs from = 0;
  UnixMs until = 0;
  UnixMs now = 0;                   ///< the registry's time
  char message[message_size] = "";  ///< cut off where it is longer
};

class Client {
 public:
  virtual ~Client() = default;

  /// Begins with a question. Only if none is under way.
  virtual void ask(const Question& question) = 0;

  /// Goes on. True if `answer` is the answer.
  [[nodiscard]] virtual bool advance(Answer& answer) = 0;
};

}  // namespace snowflake::registry
