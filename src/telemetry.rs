//! Log lines: where they go, how they look, and what never gets into them.
