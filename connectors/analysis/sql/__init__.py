"""One statement per file, named for the view it makes; ``:words`` stand for relations the code puts in."""
