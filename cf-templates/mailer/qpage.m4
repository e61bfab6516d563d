divert(-1)
dnl qpage.m4 - pagers.
_default_(`QPAGE_MAILER_PATH', `/usr/local/bin/qpage')
_default_(`QPAGE_MAILER_FLAGS', `mDFMs')
_default_(`QPAGE_MAILER_ARGS', `qpage -l0 -m -P$u')
_default_(`QPAGE_MAILER_MAX', `4096')
divert(7)dnl

#
# Pagers
#
_by_(`mailer_qpage')dnl
Mqpage,		P=QPAGE_MAILER_PATH, F=_flags_(`QPAGE', QPAGE_MAILER_FLAGS), M=QPAGE_MAILER_MAX,
		T=DNS/RFC822/X-Unix,_eq_(`QPAGE_MAILER_QGRP', `Q')
		A=QPAGE_MAILER_ARGS
divert(-1)
