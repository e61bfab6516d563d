divert(-1)
dnl uucp.m4 - neighbours by UUCP.
ifdef(`_MAILER_smtp_', `', `errprint(`*** MAILER(`smtp') must appear before MAILER(`uucp')
    if uucp-dom should be included.
')')
dnl uucp-old and uucp send one message per recipient, uucp-new and suucp many;
dnl uucp-dom and uucp-uudom write domains and exist where smtp does.
_default_(`UUCP_MAILER_PATH', `/usr/bin/uux')
_default_(`UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
_default_(`UUCP_MAILER_FLAGS', `')
_default_(`UUCP_MAILER_MAX', `100000')
dnl _uucp_mailer_(name, flags, sender, recipient)
define(`_uucp_mailer_', `M$1,		P=UUCP_MAILER_PATH, F=_flags_(`UUCP', `$2'UUCP_MAILER_FLAGS), S=$3, R=$4,
		M=UUCP_MAILER_MAX,_eq_(`UUCP_MAILER_CHARSET', `C') T=X-UUCP/X-UUCP/X-Unix,_eq_(`UUCP_MAILER_QGRP', `Q')
		A=UUCP_MAILER_ARGS')
divert(7)dnl

#
# Neighbours by UUCP
#
_by_(`mailer_uucp')dnl
# Senders, in envelope and header: a path back to here.
SFromU
R< @ >			$n
R:; < @ >		$@
R$* < @ $* . > $*	$1 < @ $2 > $3
R$* < @ $=w >		$1
R$* < @ $- .UUCP >	$2 ! $1
R$* < @ $+ >		$2 ! $1
R$&h ! $+ ! $+		$@ $1 ! $2
R$&h ! $+		$@ $&h ! $1
R$+			$: $k ! $1
R! $+			$: $k ! $1
R$-.$+ ! $+		$: $1.$2 ! $3

# Envelope recipients: the path without the neighbour itself.
SEnvToU
R:; < @ >		$@
R< @ >			$@ < @ >
R$* < @ $* . > $*	$1 < @ $2 > $3
R$* < @ $=w >		$1
R$* < @ $- .UUCP >	$2 ! $1
R$* < @ $+ >		$2 ! $1

# Recipients in header fields: the path through here.
SHdrToU
R:; < @ >		$@
R< @ >			$@ $k ! < @ >
R$* < @ $* . > $*	$1 < @ $2 > $3
R$* < @ $j >		$1
R$* < @ $- .UUCP >	$2 ! $1
R$* < @ $+ >		$2 ! $1
R$&h ! $+ ! $+		$@ $1 ! $2
R$&h ! $+		$@ $&h ! $1
R$+			$: $k ! $1
R! $+			$: $k ! $1

ifdef(`_MAILER_smtp_', `# Envelope senders of the domain kind, as for SMTP; the null sender has a name.
SEnvFromUD
R< @ >			$: $n
R$+			$@ $>EnvFromSMTP $1

# The same as a path that begins with the domain.
SEnvFromUUD
R$+			$: $>EnvFromUD $1
R$* < @ $* . > $*	$1 < @ $2 > $3
R$* < @ $- .UUCP >	$@ $2 ! $1
R$* < @ $+ >		$@ $2 ! $1

')dnl
_uucp_mailer_(`uucp', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_uucp_mailer_(`uucp-old', `DFMhuUd', `FromU', `EnvToU/HdrToU')
_uucp_mailer_(`suucp', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
_uucp_mailer_(`uucp-new', `mDFMhuUd', `FromU', `EnvToU/HdrToU')
ifdef(`_MAILER_smtp_', `_uucp_mailer_(`uucp-dom', `mDFMhud', `EnvFromUD/HdrFromSMTP', _smtp_recipient_)
_uucp_mailer_(`uucp-uudom', `mDFMhud', `EnvFromUUD/HdrFromSMTP', _smtp_recipient_)
')dnl
divert(-1)
