# Two commands: `make run` and `make test`. The rest is what they are made of.

CARGO ?= cargo
ROOT  ?= var

.PHONY: all run test build release check fmt clippy doc tools clean

all: release

# A private mail server under ./var (or ROOT=DIR), as whoever types this.
run: tools release
	@exec target/release/godwit --root "$(ROOT)" run

# Everything that CI runs, the same way.
test:
	@bash .ci/run

# System packages that the build needs, installed where that is allowed.
tools:
	@sh tests/tools/need-build

build:
	$(CARGO) build

release:
	$(CARGO) build --release --locked

check: fmt clippy doc

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items --locked

clean:
	$(CARGO) clean
