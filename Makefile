# Builds and installs the extension: make && make install [PG_CONFIG=…]. Everything else is in scripts/.
EXTENSION = snowflake_id snowflake_registry
MODULE_big = snowflake_id
DATA = snowflake_id--1.0.sql snowflake_registry--1.0.sql
PGFILEDESC = "snowflake_id: Snowflake IDs"
OBJS = $(patsubst %.cpp,%.o,$(wildcard src/core/*.cpp src/pg/*.cpp))

REGRESS = $(patsubst sql/%.sql,%,$(wildcard sql/*.sql))
TAP_TESTS = 1
PROVE_TESTS = test/tap/*.pl

# -Wno-register: PostgreSQL 15's headers.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-plt -fvisibility=hidden -Wno-register

# No bitcode for JIT: it may inline functions, and a session must not be there twice.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/core/*.hpp src/pg/*.hpp) src/registry/client.hpp src/registry/library.hpp

# --- The registry's clients: a second library, which one process loads; see src/registry/library.hpp -------------------

REGISTRY = snowflake_id_registry$(DLSUFFIX)

# yes if there are libcurl's headers. After a change of mind: make clean.
WITH_ETCD ?= $(if $(shell $(CXX) -E -include curl/curl.h -x c++ /dev/null >/dev/null 2>&1 && echo yes),yes,no)
ETCD_SOURCES = $(addprefix src/registry/,etcd_client.cpp http.cpp)
REGISTRY_LEFT_OUT = $(if $(filter yes,$(WITH_ETCD)),,$(ETCD_SOURCES))
REGISTRY_OBJS = $(patsubst %.cpp,%.o,$(filter-out $(REGISTRY_LEFT_OUT),$(wildcard src/registry/*.cpp)))

# What it needs of the C++ runtime is in it, so that nothing meets what other libraries bring along.
$(REGISTRY_OBJS): override CXXFLAGS += -fexceptions -fthreadsafe-statics -pthread
$(REGISTRY_OBJS): override CPPFLAGS += -I$(libpq_srcdir) $(if $(filter yes,$(WITH_ETCD)),-DSNOWFLAKE_WITH_ETCD)
$(REGISTRY_OBJS): $(wildcard src/registry/*.hpp)

src/registry/magic.o: override CXXFLAGS += -fvisibility=default

$(REGISTRY): $(REGISTRY_OBJS) src/registry/exports.map
	$(CXX) $(CXXFLAGS) -shared -pthread -o $@ $(REGISTRY_OBJS) $(LDFLAGS) $(LDFLAGS_SL) \
	  -static-libstdc++ -static-libgcc -Wl,--version-script=src/registry/exports.map -Wl,--as-needed \
	  $(libpq) $(if $(filter yes,$(WITH_ETCD)),-lcurl)

all: $(REGISTRY)

install: install-registry
install-registry: all installdirs
	$(INSTALL_SHLIB) $(REGISTRY) '$(DESTDIR)$(pkglibdir)/$(REGISTRY)'

uninstall: uninstall-registry
uninstall-registry:
	rm -f '$(DESTDIR)$(pkglibdir)/$(REGISTRY)'

clean: clean-registry
clean-registry:
	rm -f $(REGISTRY) src/registry/*.o

.PHONY: install-registry uninstall-registry clean-registry
