"""One program an engine: it runs the engine, does what it is told on stdin, and tells how it stands."""
