divert(-1)
dnl phquery.m4 - addresses that a CCSO name server knows.
_default_(`PH_MAILER_PATH', `/usr/local/etc/phquery')
_default_(`PH_MAILER_FLAGS', `ehmu')
_default_(`PH_MAILER_ARGS', `phquery -- $u')
divert(7)dnl

#
# CCSO name server
#
_by_(`mailer_phquery')dnl
Mph,		P=PH_MAILER_PATH, F=_flags_(`PH', `nrDFM'PH_MAILER_FLAGS), S=EnvFromL, R=EnvToL/HdrToL,
		T=DNS/RFC822/X-Unix,_eq_(`PH_MAILER_QGRP', `Q')
		A=PH_MAILER_ARGS
divert(-1)
