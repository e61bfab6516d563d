divert(-1)
define(`_generics_entire_', 1)
