divert(-1)
define(`_set_cert_altnames_', `true')
define(`_CERT_ALTNAMES_', 1)
