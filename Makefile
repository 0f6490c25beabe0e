# The menu: `make help` lists it.  The work is done by CMake (CMakePresets.json has the builds), CTest and
# the scripts in tools/.  ARGS is handed on to `bench` and `matrix`: make bench ARGS=--quick

JOBS ?= $(shell nproc)
PREFIX ?=
MAKEFLAGS += --no-print-directory

# build_preset: configure and build the preset $(1).
define build_preset
cmake --preset $(1) $(if $(PREFIX),-DCMAKE_INSTALL_PREFIX=$(PREFIX)) >/dev/null && \
cmake --build --preset $(1) --parallel $(JOBS)
endef

CTEST = ctest --no-tests=error --preset

.PHONY: release
release: ## build a release into build/ (the default)
	@tools/setup.sh --check build
	@$(call build_preset,release)

.PHONY: demo
demo: setup-build setup-page release ## set-up, build, and a real Python program, plain and under Ouro
	@examples/demo.sh build/bin/ouro

.PHONY: test
test: setup-build setup-test ## set-up, debug build, every test
	@$(call build_preset,debug)
	@$(CTEST) debug

.PHONY: asan ubsan tsan stress
asan: ## the tests under AddressSanitizer
ubsan: ## the tests under UndefinedBehaviorSanitizer
tsan: ## the tests under ThreadSanitizer
stress: ## the tests with tiny constants and every validator, but for whole Python programs: an object takes half a pool
asan ubsan tsan stress: setup-build setup-test
	@$(call build_preset,$@)
	@$(CTEST) $@

.PHONY: fault
fault: setup-build setup-test ## the system refuses request N for memory, for every N
	@$(call build_preset,fault)
	@$(CTEST) fault --label-regex '^fault$$'

.PHONY: fuzz
fuzz: setup-build setup-test setup-fuzz ## libFuzzer for FUZZ_SECONDS in all (60)
	@$(call build_preset,fuzz)
	@tools/fuzz.sh build/fuzz $(or $(FUZZ_SECONDS),60)

.PHONY: lint
lint: setup-build setup-test setup-lint ## compilers' warnings, clang-tidy, cppcheck, layers, ownership, headers, format, man pages, reference
	@tools/lint.sh

.PHONY: ownership
ownership: setup-build ## compile where owned and borrowed references are different types
	@tools/ownership.sh

.PHONY: format
format: ## lay out all C sources as .clang-format has it
	@tools/lint.sh --fix-format

.PHONY: reference
reference: setup-build setup-lint ## the reference of the C interface as HTML, into build/reference/
	@tools/reference.sh

.PHONY: bench
bench: setup-build setup-bench release ## measure; writes docs/performance.md (long)
	@python3 bench/run.py --ouro build/bin/ouro $(ARGS)

.PHONY: matrix
matrix: setup-build setup-test release ## CPython's own suites, every version, plain and under Ouro (long)
	@tools/pythons.sh >/dev/null
	@python3 tests/cpython/matrix.py --ouro build/bin/ouro --table docs/matrix.md $(ARGS)

.PHONY: install
install: release ## install; PREFIX=/usr and DESTDIR=/stage are obeyed
	@cmake --install build

.PHONY: clean
clean: ## remove build/
	@rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

.PHONY: setup-build setup-page setup-test setup-lint setup-fuzz setup-bench
setup-build setup-page setup-test setup-lint setup-fuzz setup-bench: setup-%:
	@tools/setup.sh $*
