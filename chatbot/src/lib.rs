//! Bot files and the pure turn function.
