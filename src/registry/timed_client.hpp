// What clients of both kinds have in common: a question's time is limited, and one place is asked after the other.
//
//     class EtcdClient : public TimedClient { ... };
//
// Guarantees: a question is answered within `question_limit`, by a failure if need be. Whatever is thrown below ends
// here. A connection that was kept from an earlier question and turns out to be gone is made anew, once.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "registry/client.hpp"
#include "registry/route.hpp"

namespace snowflake::registry {

inline constexpr std::chrono::milliseconds question_limit{5'000};

/// Of one place, where there are others.
inline constexpr std::chrono::milliseconds attempt_limit{1'600};

class TimedClient : public Client {
 public:
  void ask(const Question& question) final;
  [[nodiscard]] bool advance(Answer& answer) final;

 protected:
  explicit TimedClient(std::vector<Place> places) : route_(std::move(places)) {}

  /// The question; its texts live as long as it.
  [[nodiscard]] const Question& question() const { return question_; }
  [[nodiscard]] const Route& route() const { return route_; }

  [[nodiscard]] virtual bool is_connected() const = 0;

  /// Begins with the question at the place that the route has found; may be called again. Throws Failure.
  virtual void begin() = 0;

  /// Goes on. True if `answer` is the answer. Throws Failure.
  [[nodiscard]] virtual bool go_on(Answer& answer) = 0;

  /// Gives up whatever is under way, and the connection.
  virtual void drop() = 0;

 private:
  using Clock = std::chrono::steady_clock;

  void begin_attempt();
  bool attempt(Answer& answer);
  bool give_up_attempt(Answer& answer, const std::string& problem);
  bool fail(Answer& answer);

  Route route_;
  Question question_{};
  std::string realm_, label_;
  std::string problems_;
  Clock::time_point question_began_, attempt_began_;
  bool begun_ = false;   // with the question, at this place
  bool reused_ = false;  // a connection of an earlier question
};

/// g++ 10 makes no Answer of a list of these in braces.
[[nodiscard]] Answer granted_answer(std::int64_t node, UnixMs from, UnixMs until, UnixMs now);

/// Writes as much of it as there is room for.
void put_message(Answer& answer, std::string_view message);

}  // namespace snowflake::registry
