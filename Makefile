# The two commands of a newcomer are `make run` and `make test`; everything else is beside them.
# Each installs what is missing first and says so: scripts/setup.

SHELL := bash
tools := . target/tools.env &&

.PHONY: help run test bench lint docs setup-run setup-test

help:
	@echo 'make run    start the demo: a server, its database, some people with a history'
	@echo 'make test   run every test'
	@echo 'make bench  measure, and print the ratios that docs/performance.md explains'
	@echo 'make lint   check format, lints and house rules'
	@echo 'make docs   write the generated documents again'

setup-run:
	@scripts/setup run

setup-test:
	@scripts/setup test

run: setup-run
	@$(tools) exec cargo run --quiet -p vitne -- demo

test: setup-test
	@$(tools) scripts/with-test-cluster cargo test --workspace --no-fail-fast

bench: setup-run
	@$(tools) exec scripts/bench

lint: setup-test
	@$(tools) cargo fmt --all --check
	@$(tools) cargo clippy --workspace --all-targets -- -D warnings
	@$(tools) cargo test --quiet --workspace --test tidy

docs: setup-run
	@$(tools) scripts/docs
