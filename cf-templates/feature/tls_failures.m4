divert(-1)
_fault_(`FEATURE(tls_failures) has been replaced by confTLS_FALLBACK_TO_CLEAR')
define(`confTLS_FALLBACK_TO_CLEAR', `true')
