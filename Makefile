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

$(OBJS): $(wildcard src/core/*.hpp src/pg/*.hpp)
