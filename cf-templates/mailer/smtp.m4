divert(-1)
dnl smtp.m4 - other hosts, by SMTP.
dnl smtp speaks the old protocol, esmtp asks for extensions, smtp8 sends eight
dnl bits unasked, dsmtp waits to be fetched; relay is for hosts of our own.
_default_(`SMTP_MAILER_FLAGS', `')
_default_(`RELAY_MAILER_FLAGS', `SMTP_MAILER_FLAGS')
_default_(`SMTP_MAILER_ARGS', `TCP $h')
_default_(`ESMTP_MAILER_ARGS', `TCP $h')
_default_(`SMTP8_MAILER_ARGS', `TCP $h')
_default_(`DSMTP_MAILER_ARGS', `TCP $h')
_default_(`RELAY_MAILER_ARGS', `TCP $h')
_default_(`SMTP_MAILER_LL', `990')
_default_(`RELAY_MAILER_LL', `2040')
dnl _relay_host_(relay): the host of a relay, without the mailer before it.
define(`_relay_host_', `patsubst(`$1', `^[^[:]*:', `')')
define(`_relay_recipient_', `ifdef(`_ALL_MASQUERADE_', `MasqSMTP/MasqRelay', `MasqSMTP')')
dnl _smtp_mailer_(name, prefix, flags)
define(`_smtp_mailer_', `M$1,		P=[IPC], F=_flags_(`$2', `mDFMuX$3'SMTP_MAILER_FLAGS), S=EnvFromSMTP/HdrFromSMTP, R=_smtp_recipient_, E=\r\n, L=SMTP_MAILER_LL,_eq_(`SMTP_MAILER_MAX', `M')_eq_(`SMTP_MAILER_MAXMSGS', `m')_eq_(`SMTP_MAILER_MAXRCPTS', `r')_eq_(`SMTP_MAILER_CHARSET', `C')
		T=DNS/RFC822/SMTP,_eq_(`$2_MAILER_QGRP', `Q')
		A=$2_MAILER_ARGS')
divert(7)dnl

#
# Other hosts, by SMTP
#
_by_(`mailer_smtp')dnl
# Pseudo domains are not for the Internet: UUCP paths go as paths, by way of
# the relay for their world if there is one. The neighbour that gets the mail
# keeps its name.
SPseudoToReal
ifdef(`_NO_UUCP_', `', `R$- ! $+ < @ $&h .UUCP . >	$@ $2 < @ $1 .UUCP . >
R$* < @ $&h .UUCP . >	$@ $1 < @ $&h .UUCP . >
R$* < @ $+ .UUCP . >	$2 ! $1 < @ ifdef(`UUCP_RELAY', `_relay_host_(UUCP_RELAY)', `*LOCAL*') >
')dnl
ifdef(`BITNET_RELAY', `R$* < @ $+ .BITNET . >	$1 % $2 .BITNET < @ _relay_host_(BITNET_RELAY) >
')dnl
undivert(133)dnl

# A name without a host is one of ours.
SMasqSMTP
R$* < @ $* > $*		$@ $1 < @ $2 > $3
R$+			$@ $1 < @ *LOCAL* >

# Envelope senders.
SEnvFromSMTP
R$+			$: $>PseudoToReal $1
R$+			$: $>MasqSMTP $1
R$* :; < @ >		$@
R< @ >			$@ < @ >
R$+			$: $>MasqEnv $1

# Envelope recipients.
SEnvToSMTP
R$+			$: $>PseudoToReal $1
R$+			$: $>MasqSMTP $1
R$* < @ *LOCAL* > $*	$: $1 < @ $j . > $2

# Senders in header fields; with feature allmasquerade recipients as well.
SHdrFromSMTP
R$+			$: $>PseudoToReal $1
R:; < @ >		$@
R< @ $* >		$@ < @ $1 >
R$+			$: $>MasqSMTP $1
R$+			$: $>MasqHdr $1

# Recipients in header fields that go to a relay.
SMasqRelay
R$+			$: $>MasqSMTP $1
R$+			$: $>MasqHdr $1

_smtp_mailer_(`smtp', `SMTP', `')
_smtp_mailer_(`esmtp', `ESMTP', `a')
_smtp_mailer_(`smtp8', `SMTP8', `8')
_smtp_mailer_(`dsmtp', `DSMTP', `a%')
Mrelay,		P=[IPC], F=_flags_(`RELAY', mDFMuXa8`'RELAY_MAILER_FLAGS), S=EnvFromSMTP/HdrFromSMTP, R=_relay_recipient_, E=\r\n, L=RELAY_MAILER_LL,_eq_(`RELAY_MAILER_MAXMSGS', `m')_eq_(`SMTP_MAILER_MAXRCPTS', `r')_eq_(`RELAY_MAILER_CHARSET', `C')
		T=DNS/RFC822/SMTP,_eq_(`RELAY_MAILER_QGRP', `Q')
		A=RELAY_MAILER_ARGS
divert(-1)
