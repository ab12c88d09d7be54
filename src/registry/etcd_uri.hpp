// Where an etcd is, and how one gets in.
//
//     etcd://10.0.0.1:2379,10.0.0.2:2379
//     etcds://ids@etcd1.example,etcd2.example/databases?cacert=/etc/ssl/etcd.pem&passfile=/etc/postgresql/etcd.pass
//
//     etcd://  [user@] host[:port] [,host[:port]…] [/prefix] [?option=value[&option=value…]]
//
// `etcds` is the same by TLS. The port is 2379 unless it is said, the prefix of keys `snowflake_id`. IPv6 addresses
// stand in brackets. Options, all of them paths of files: `passfile`, with the password of `user`; with TLS `cacert`,
// the authorities that are trusted, and `cert` and `key` of the client. %XX stands for a byte.
//
// With TLS, cacert is a must: to read all the authorities that a system knows takes a good part of a second each time.
//
// Guarantees: what is not of this form is refused, with the reason; so is a password.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/place.hpp"

namespace snowflake::registry {

struct EtcdUri {
  bool tls = false;
  std::string user;
  std::vector<Place> places;
  std::string prefix = "snowflake_id";
  std::string cacert, cert, key, passfile;
};

/// Whether the text begins as one.
[[nodiscard]] bool is_etcd_uri(std::string_view text);

/// Throws Failure.
[[nodiscard]] EtcdUri parse_etcd_uri(std::string_view text);

}  // namespace snowflake::registry
