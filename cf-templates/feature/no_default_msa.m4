divert(-1)
define(`_no_default_msa_', 1)
