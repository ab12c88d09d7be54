// Which of a registry's places, and which address of it, is tried next.
//
//     Route route({{"db1.example", "5432"}, {"db2.example", "5432"}});
//     route.begin();                                             // with a question
//     if (route.find()) ... try route.place() at route.address()
//     if (!route.next()) ... all were tried
//
// Guarantees: find() never blocks. Each address of each place is tried once a question, beginning with the one that was
// reached last, and after a failure with the next: one that is dead does not keep the others from being tried.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "registry/lookup.hpp"
#include "registry/place.hpp"

namespace snowflake::registry {

class Route {
 public:
  explicit Route(std::vector<Place> places) : places_(std::move(places)) {}

  void begin() { left_ = places_.size(); }

  /// Whether the address is known by now. Throws Failure if there is none.
  [[nodiscard]] bool find();

  [[nodiscard]] const Place& place() const { return places_[at_]; }

  /// As numbers; empty for a directory of sockets.
  [[nodiscard]] const std::string& address() const { return addresses_[address_]; }

  /// Whether nothing else can be tried.
  [[nodiscard]] bool is_only() const { return places_.size() == 1 && addresses_.size() <= 1; }

  /// Goes on to the next; false if all were tried since begin().
  bool next();

 private:
  std::vector<Place> places_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;  // places, with this one
  std::shared_ptr<Lookup> lookup_;
  std::vector<std::string> addresses_;  // of this place, if found
  std::size_t address_ = 0;
};

}  // namespace snowflake::registry
