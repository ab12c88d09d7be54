# Builds and installs the extension: make && make install [PG_CONFIG=…]. Everything else is in scripts/.
EXTENSION = snowflake_id snowflake_registry
MODULE_big = snowflake_id
DATA = snowflake_id--1.0.sql snowflake_registry--1.0.sql
PGFILEDESC = "snowflake_id: Snowflake IDs"
OBJS = $(call objects_of,src/core) $(call objects_of,src/pg)

# Sources lie in $(srcdir), which is not where make runs if it was called with -f. None found: no library, rather than
# an empty one.
objects_of = $(patsubst $(srcdir)/%.cpp,%.o,$(or $(wildcard $(srcdir)/$(1)/*.cpp),$(error no sources in $(srcdir)/$(1))))
headers_of = $(wildcard $(addprefix $(srcdir)/,$(addsuffix /*.hpp,$(1))))

REGRESS = $(patsubst $(srcdir)/sql/%.sql,%,$(wildcard $(srcdir)/sql/*.sql))
TAP_TESTS = 1
PROVE_TESTS = test/tap/*.pl

# -Wno-register: PostgreSQL 15's headers. COPT: PostgreSQL gives it to C++ only from 18 on.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-plt -fvisibility=hidden -Wno-register $(COPT)

# No bitcode for JIT: it may inline functions, and a session must not be there twice.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(call headers_of,src/core src/pg) src/registry/client.hpp src/registry/library.hpp | directories

# Directories themselves will not do as prerequisites: make would find those of the sources.
directories:
	@$(MKDIR_P) src/core src/pg src/registry

# --- The registry's clients: a second library, which one process loads; see src/registry/library.hpp -------------------

REGISTRY = snowflake_id_registry$(DLSUFFIX)

# yes if there are libcurl's headers. After a change of mind: make clean.
WITH_ETCD ?= $(if $(shell $(CXX) -E -include curl/curl.h -x c++ /dev/null >/dev/null 2>&1 && echo yes),yes,no)
ETCD_OBJS = $(addprefix src/registry/,etcd_client.o http.o)
REGISTRY_LEFT_OUT = $(if $(filter yes,$(WITH_ETCD)),,$(ETCD_OBJS))
REGISTRY_OBJS = $(filter-out $(REGISTRY_LEFT_OUT),$(call objects_of,src/registry))

# What it needs of the C++ runtime is in it, so that nothing meets what other libraries bring along.
$(REGISTRY_OBJS): override CXXFLAGS += -fexceptions -fthreadsafe-statics -pthread
$(REGISTRY_OBJS): override CPPFLAGS += -I$(libpq_srcdir) $(if $(filter yes,$(WITH_ETCD)),-DSNOWFLAKE_WITH_ETCD)
$(REGISTRY_OBJS): $(call headers_of,src/registry) | directories

src/registry/magic.o: override CXXFLAGS += -fvisibility=default

$(REGISTRY): $(REGISTRY_OBJS) src/registry/exports.map
	$(CXX) $(CXXFLAGS) -shared -pthread -o $@ $(REGISTRY_OBJS) $(LDFLAGS) $(LDFLAGS_SL) \
	  -static-libstdc++ -static-libgcc -Wl,--version-script=$(srcdir)/src/registry/exports.map -Wl,--as-needed \
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

.PHONY: directories install-registry uninstall-registry clean-registry

# --- The distribution: the last commit, the same bytes whenever and wherever it is made -------------------------------

VERSION = $(shell sed -n '1,/"version"/s/.*"version": "\(.*\)".*/\1/p' $(srcdir)/META.json)
DISTRIBUTION = snowflake_id-$(VERSION)

# A zip has the times of the local time zone.
dist:
	TZ=UTC git -C $(srcdir) archive --format=zip --prefix=$(DISTRIBUTION)/ -o '$(CURDIR)/$(DISTRIBUTION).zip' HEAD

.PHONY: dist
