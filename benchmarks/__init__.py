"""mockidp beside its peers: `make bench`, `make bench-growth`, `make bench-soak`; see README.md."""
