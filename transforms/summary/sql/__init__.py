"""One statement per file, named for its result; ``:words`` stand for relations and columns the code puts in."""
