divert(-1)
define(`_masq_envelope_', 1)
