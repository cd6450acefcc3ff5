"""The groups of commands behind `suhe`: each function parses, calls one use case and prints."""
