//! The program: the name it was called by decides what it is.

fn main() {}
