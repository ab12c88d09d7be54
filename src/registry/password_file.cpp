#include "registry/password_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

class File {
 public:
  explicit File(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

std::string read_password(const std::string& path) {
  const File file(path);
  struct stat status;
  if (file.descriptor() < 0 || fstat(file.descriptor(), &status) != 0)
    throw Failure("cannot read the password file " + path + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw Failure("the password file " + path + " is not a plain file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Failure("the password file " + path + " must be readable by its owner only (0600)");
  char buffer[1024];
  const ssize_t size = read(file.descriptor(), buffer, sizeof buffer);
  std::string line(buffer, size < 0 ? 0 : static_cast<std::size_t>(size));
  line.resize(std::min(line.size(), line.find_first_of("\r\n")));
  if (line.empty()) throw Failure("the password file " + path + " is empty");
  return line;
}

}  // namespace snowflake::registry
