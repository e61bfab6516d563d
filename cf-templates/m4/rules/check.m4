
#
# CanonAddr: an address focused, and what only hides the real one taken off.
#
SCanonAddr
R$*			$: $>canonify $1
R$*			$@ $>Parse0 $1

#
# ParseRecipient: the address that decides whether mail may pass.
#
SParseRecipient
R$*			$: $>CanonAddr $1
R$* < @ $* . >		$: $1 < @ $2 >
R$- < @ $* >		$: $(dequote $1 $) < @ $2 >
ifdef(`_LOOSE_RELAY_', `', `# a route behind one of our relay domains is looked through
R$* $=O $* < @ $=R >	$@ $>ParseRecipient $1 $2 $3
ifdef(`_RELAY_HOSTS_ONLY_', `', `R$* $=O $* < @ $* .$=R >	$@ $>ParseRecipient $1 $2 $3
')ifdef(`_RELAY_ENTIRE_', `R$* $=O $* < @ $* $=m >	$@ $>ParseRecipient $1 $2 $3
')ifdef(`_RELAY_MX_', `R$* $=O $* < @ $+ >	$: < : $(mxserved $4 $) : > < $1 $2 $3 < @ $4 > >
R< $* : $=w . : $* > < $* < @ $* > >	$@ $>ParseRecipient $4
R< : $* : > < $* >	$: $2
')dnl
ifdef(`_ACCESS_', `R$* $=O $* < @ $+ >	$: $>D < $4 > < ? > < + To > < $1 $2 $3 < @ $4 > >
R< RELAY > < $* < @ $* > >	$@ $>ParseRecipient $1
R< $+ > < $* >		$: $2
')')dnl

#
# check_relay: may this client talk to us?
#
SLocal_check_relay
ifdef(`_early_limits_', `ifdef(`_DELAY_CHECKS_', `# what cannot wait for the recipient
Scheck_relay
ifelse(_RATE_, `early', `R$*			$: $>RateControl dummy
')ifelse(_CONN_, `early', `R$*			$: $>ConnControl dummy
')
')')dnl
ifdef(`_DELAY_CHECKS_', `Scheckrelay', `Scheck_relay')
undivert(147)dnl
R$*			$: $1 $| $>Local_check_relay $1
R$* $| $* $| $#$*	$#$3
R$* $| $* $| $*		$@ $>Basic_check_relay $1 $| $2

SBasic_check_relay
R$*			$: < $&{deliveryMode} > $1
R< d > $*		$@ deferred
R< $* > $*		$: $2
ifdef(`_ACCESS_', `# the access table: by name, then by address
R$+ $| $+		$: $>D < $1 > < ? > < + Connect > < $2 >
R  $| $+		$: $>A < $1 > < ? > < + Connect > < >
R< ? > < $+ >		$: $>A < $1 > < ? > < + Connect > < $1 >
R< ? > < $* >		$: OK
R< $={Accept} > < $* >	$@ $1
include(_CF_DIR_`m4/rules/verdict.m4')dnl
')dnl
ifdef(`_REQUIRE_RDNS_', `# feature require_rdns`'_at_(`require_rdns'): a client needs a name that is its own, unless we relay
# for it
R$*			$: $&{client_addr} $| $&{client_resolve}
R$=R $* $| $*		$@ RELAY
R$* $| OK		$: OKSOFAR
R$* $| FAIL		$#error $@ 5.7.1 $: 550 Fix reverse DNS for $1
R$* $| TEMP		$#error $@ 4.1.8 $: 451 Client IP address $1 does not resolve
R$* $| FORGED		$#error $@ 4.1.8 $: 451 Possibly forged hostname for $1
')dnl
undivert(8)dnl
ifelse(_RATE_, `late', `R$*			$: $>RateControl dummy
')ifelse(_CONN_, `late', `R$*			$: $>ConnControl dummy
')dnl
undivert(144)dnl
undivert(146)dnl

#
# check_mail: may this sender send?
#
SLocal_check_mail
ifdef(`_DELAY_CHECKS_', `Scheckmail', `Scheck_mail')
R$*			$: $1 $| $>Local_check_mail $1
R$* $| $#$*		$#$2
R$* $| $*		$@ $>Basic_check_mail $1

SBasic_check_mail
R$*			$: < $&{deliveryMode} > $1
R< d > $*		$@ deferred
R< $* > $*		$: $2
# TLS as this client needs it
R$*			$: $1 $| $>tls_client $&{verify} $| MAIL
R$* $| $#$*		$#$2
R$* $| $*		$: $1
R< >			$@ < OK >
ifdef(`_ACCEPT_UNQUALIFIED_', `', `# nobody out there is localhost, unless the daemon permits it (M=u); it may
# demand whole names (M=f)
R$*			$: < ? $&{client_name} > < $&{daemon_flags} > $1
R< ? > < $* > $*	$: $2
R< ? $=w > < $* > $*	$: $3
R< ? $+ > < $* u $* > $*	$: < u > < $2 u $3 > $4
R< ? $+ > < $* > $*	$: < ? > < $2 > $3
R< ? > < $* > < $* @ localhost >	$: < ! > $2
R< ? > < $* > < $* @ [127.0.0.1] >	$: < ! > $2
R< ? > < $* > < $* @ [IPv6:0:0:0:0:0:0:0:1] >	$: < ! > $2
R< ? > < $* > < $* @ [IPv6:::1] >	$: < ! > $2
R< ? > < $* > $* @ localhost	$: < ! > $2
R< ? > < $* > < $* @ localhost.$m >	$: < ! > $2
R< ? > < $* > $* @ localhost.$m	$: < ! > $2
R< $- > < $* f $* > < $* @ $- >	$: < ! > $4
R< $- > < $* f $* > $* @ $-	$: < ! > $4
R< ! > $*		$#error $@ 5.5.4 $: "553 Real domain name required for sender address"
R< $- > < $* > $*	$: $3
')dnl
R$*			$: < ? > $>CanonAddr $1
R< ? > $* < @ $* . >	$: < ? > $1 < @ $2 >
# what we know of its domain: OKR, TEMP or PERM; USER where there is none
R< ? > $* < @ $* $=P >	$: < OKR > $1 < @ $2 $3 >
R< ? > $* < @ $=w >	$: < OKR > $1 < @ $2 >
ifdef(`_ACCEPT_UNRESOLVABLE_', `R< ? > $* < @ $+ >	$: < OKR > $1 < @ $2 >
', `R< ? > $* < @ $+ >	$: < $(resolve $2 $: < PERM > $) > $1 < @ $2 >
R< $* < $- > > $*	$: < $2 > $3
')dnl
ifdef(`_ACCEPT_UNQUALIFIED_', `R< ? > $*		$: < OKR > $1
', `# without a domain: from this host, or where the daemon permits it (M=u)
R< ? > $*		$: < ? $&{daemon_flags} > $1
R< ? $* u $* > $*	$: < OKR > $3
R< ? $* > $*		$: < ? $&{client_addr} > $2
R< ? > $*		$: < LOCAL > $1
R< ? $+ > $*		$: < USER > $2
')dnl
ifdef(`_ACCESS_', `# the access table: address, user, domain
R< $- > < @ >		$: < $1 >
R< $- > $+ < @ $+ >	$: < $1 > $2 < @ $3 > $| < F:$2@$3 > < U:$2@ > < D:$3 > < >
R< $- > $+ < @ $+ > $| $*	$: < $1 > $2 < @ $3 > $| $>SearchList < + From > $| $4
R< $- > $+ < @ $+ > $| < $* >	$: < $4 > < $1 > $2 < @ $3 >
R< $- > $-		$: < $1 > $2 $| $>SearchList < + From > $| < U:$2@ > < >
R< $- > $- $| < $* >	$: < $3 > < $1 > $2
R< ? > < $- > $*	$: < $1 > $2
R< $={Accept} > < $- > $*	$#$1
R< $* > < $- > $*	$: < $1 > < $2 > $3 < >
include(_CF_DIR_`m4/rules/fromverdict.m4')dnl
')dnl
R< LOCAL > $*		$@ < OKR >
R< USER > $*		$#error $@ 5.5.4 $: "553 Domain name required for sender address " $&f
R< TEMP > $*		$#error $@ 4.1.8 $: "451 Domain of sender address " $&f " does not resolve"
R< PERM > $*		$#error $@ 5.1.8 $: "553 Domain of sender address " $&f " does not exist"
ifdef(`_BADMX_', `# feature badmx`'_at_(`badmx'): where the exchangers of the domain really are
R< OKR > $* < @ $+ >	$: $1 < @ $2 > $| $>BadMX $2
R$* $| $#$*		$#$2
')dnl
R< OKR > $*		$: @ $1
ifdef(`_BADMX_', `
#
# BadMX: < MX > < domain > < : exchangers : > < : addresses : >
#
SBadMX
R$+			$: < MX > < $1 > < : $(mxlist $1 $) : > < : >
R< MX > < $+ > < $* < TEMP > $* > < $* >	$#error $@ 4.1.2 $: "450 MX lookup failure for " $1
R< MX > < $+ > < : $+ : $* > < : $* >	< MX > < $1 > < : $3 > < : $4 $(badmx $2 $: $2 $) : >
R< MX > < $+ > < : > < $* < BADMX > $* >	$#error $@ 5.1.2 $: "550 Invalid MX record for host " $1
R< MX > < $+ > < : > < $+ >	$: < A > < $1 > < $2 > < : >
R< A > < $+ > < : $+ : $* > < : $* >	< A > < $1 > < : $3 > < : $4 $(dnsA $2 $: $2 $) : >
R< A > < $+ > < : > < $* < TEMP > $* >	$#error $@ 4.1.2 $: "450 MX lookup failure for " $1
R< A > < $+ > < : > < $+ >	$: < IP > < $1 > < $2 > < : >
R< IP > < $+ > < : $+ : $* > < : $* >	< IP > < $1 > < : $3 > < : $4 $(BadMXIP $2 $: $2 $) : >
R< IP > < $+ > < : > < $* < BADMXIP > $* >	$#error $@ 5.1.2 $: "550 Invalid MX record for host " $1
R< IP > < $+ > < : > < $+ >	$@ < MX > < $1 > < : > < $2 >
')dnl

#
# check_rcpt: may mail for this recipient pass here?
#
SLocal_check_rcpt
ifdef(`_DELAY_CHECKS_', `Scheckrcpt', `Scheck_rcpt')
R$*			$: $1 $| $>Local_check_rcpt $1
R$* $| $#$*		$#$2
R$* $| $*		$@ $>Basic_check_rcpt $1

SBasic_check_rcpt
R$@			$#error $@ nouser $: "553 User address required"
R< >			$#error $@ nouser $: "553 User address required"
R$*			$: < $&{deliveryMode} > $1
R< d > $*		$@ deferred
R< $* > $*		$: $2
undivert(160)dnl
R$*			$: $1 $| @ $>Rcpt_ok $1
R$* $| @ RELAY		$@ RELAY
R$* $| @ $#TEMP $+	$: $1 $| T $2
R$* $| @ $#$*		$#$2
ifdef(`_PROMISCUOUS_', `', `R$* $| T $+		$: $1 $| T $2 $| @ $>Relay_ok $1
R$* $| @ $*		$: $1 $| @ $>Relay_ok $1
R$* $| T $* $| @ RELAY	$@ RELAY
R$* $| T $* $| @ $*	$#error $2
R$* $| @ RELAY		$@ RELAY
R$* $| @ $#TEMP $+	$#error $2
R$* $| @ $#$*		$#$2
R$*			$#error $@ 5.7.1 $: _RELAYMSG_
')dnl
ifdef(`_PROMISCUOUS_', `ifdef(`_BAD_HELO_', `ifdef(`_DELAY_CHECKS_', `', `include(_CF_DIR_`m4/rules/helo.m4')')')')dnl

#
# Rcpt_ok: is the recipient ours, or of a domain we relay for, or may the
# client say whatever it wants? RELAY if so, otherwise the address.
#
SRcpt_ok
R$*			$: $>ParseRecipient $1
undivert(161)dnl
ifdef(`_BLOCKLIST_', `ifdef(`_ACCESS_', `# feature blocklist_recipients`'_at_(`blocklist_recipients'): recipients who get nothing
R$*			$: < ? > $1
R< ? > $+ < @ $=w >	$: < > $1 < @ $2 > $| < F:$1@$2 > < U:$1@ > < D:$2 > < >
ifdef(`_virthost_class_', `R< ? > $+ < @ $={VirtHost} >	$: < > $1 < @ $2 > $| < F:$1@$2 > < U:$1@ > < D:$2 > < >
')dnl
R< ? > $+ < @ $* >	$: < > $1 < @ $2 > $| < F:$1@$2 > < D:$2 > < >
R< ? > $-		$: < > $1 $| < U:$1@ > < >
R< ? > $*		$: $1
R< > $* $| < $+		$: $1 $| $>SearchList < + To > $| < $2
R$* $| < ? >		$: $1
R$* $| < $* >		$: < $2 > $1 < >
include(_CF_DIR_`m4/rules/toverdict.m4')dnl
')')dnl
ifdef(`_PROMISCUOUS_', `', `# clients we trust by certificate, by what the site says, by AUTH
R$*			$: $1 $| $>RelayTLS
R$* $| $# $+		$# $2
R$* $| $*		$: $1 $| $>Local_Relay_Auth $&{auth_type}
R$* $| $# $+		$# $2
R$* $| NO		$: $1
R$* $| $*		$: $1 $| $&{auth_type}
R$* $|			$: $1
R$* $| $={TrustAuthMech}	$# RELAY
R$* $| $*		$: $1
ifelse(_NO_PERCENT_, `reject', `# feature nopercenthack`'_at_(`nopercenthack'): routes by percent sign are refused
R$* % $*		$@ $1 % $2
')dnl
ifelse(_NO_UUCP_, `reject', `# feature nouucp`'_at_(`nouucp'): UUCP routes are refused
R$* ! $*		$@ $1 ! $2
')dnl
# ours
R$+ < @ $=w >		$@ RELAY
ifdef(`_BESTMX_', `# feature bestmx_is_local`'_at_(`bestmx_is_local'): so are hosts whose best exchanger we are
ifdef(`_bestmx_class_', `R$+ < @ $=B >		$: $1 < @ $2 > $| $(bestmx $2 $: ? $)
R$+ < @ $* .$=B >	$: $1 < @ $2 .$3 > $| $(bestmx $2.$3 $: ? $)
', `R$+ < @ $+ >		$: $1 < @ $2 > $| $(bestmx $2 $: ? $)
')dnl
R$* $=O $* < @ $* > $| $=w .	$@ $>Rcpt_ok $1 $2 $3
R$+ < @ $* > $| $=w .	$@ RELAY
R$+ $| $*		$: $1
')dnl
ifdef(`_RELAY_ENTIRE_', `R$+ < @ $* $=m >	$@ RELAY
')dnl
R$+ < @ $=R >		$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `', `R$+ < @ $* .$=R >	$@ RELAY
')dnl
ifdef(`_ACCESS_', `# what the access table lets through
ifdef(`_RELAY_FULL_ADDR_', `R$+ < @ $+ >		$: $1 < @ $2 > $| $>SearchList < + To > $| < F:$1@$2 > < D:$2 > < F:$1@ > < >
R$* $| < RELAY >	$@ RELAY
R$* $| < < TMPF > >	$#TEMP $@ 4.3.0 $: _TMPFMSG_
R$* $| < $* >		$: $1
', `ifdef(`_RELAY_HOSTS_ONLY_', `R$+ < @ $+ >		$: < $(access To:$2 $: ? $) > < $1 < @ $2 > >
R< ? > < $+ < @ $+ > >	$: < $(access $2 $: ? $) > < $1 < @ $2 > >
', `R$+ < @ $+ >		$: $>D < $2 > < ? > < + To > < $1 < @ $2 > >
')R< RELAY > $*		$@ RELAY
R< < TMPF > > $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_
R< $* > < $* >		$: $2
')')dnl
ifdef(`_RELAY_MX_', `# feature relay_based_on_MX`'_at_(`relay_based_on_MX'): domains that name us as their exchanger
R$+ < @ $+ >		$: < : $(mxserved $2 $) : > < $1 < @ $2 > >
R< : $* < TEMP > : > $*	$#TEMP $@ 4.4.0 $: "450 Can not check MX records for recipient host " $1
R< $* : $=w . : $* > $*	$@ RELAY
R< : $* : > < $* >	$: $2
')dnl
undivert(162)dnl
# users without a host are ours
R$*			$: < ? > $1
R< ? > $+ < @ $* > $*	$@ $1 < @ $2 > $3
R< ? > < @ $+ >		$@ < @ $1 >
R< ? > $*		$@ RELAY
')dnl

ifdef(`_PROMISCUOUS_', `', `#
# Relay_ok: is the client one of ours? RELAY if so.
#
SRelay_ok
R$*			$: $&{client_addr}
R$@			$@ RELAY
R0			$@ RELAY
R127.0.0.1		$@ RELAY
RIPv6:0:0:0:0:0:0:0:1	$@ RELAY
RIPv6:::1		$@ RELAY
R$=R $*			$@ RELAY
ifdef(`_ACCESS_', `R$*			$: $>A < $1 > < ? > < + Connect > < $1 >
R< RELAY > $*		$@ RELAY
R< < TMPF > > $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_
R< $* > < $* >		$: $2
')dnl
ifdef(`_DRAC_', `R$*			$: $1 $| $(drac $1 $: ? $)
R$* $| ?		$: $1
R$* $| $+		$@ RELAY
')dnl
undivert(163)dnl
# a name counts only if it is really the name of that address
R$*			$: < @ $&{client_resolve} >
R< @ TEMP >		$#TEMP $@ 4.4.0 $: "450 Relaying temporarily denied. Cannot resolve PTR record for " $&{client_addr}
R< @ FORGED >		$#error $@ 5.7.1 $: _FORGEDMSG_
R< @ FAIL >		$#error $@ 5.7.1 $: _FAILMSG_
R$*			$: < ? > $&{client_name}
R< ? > $+ .		$: < ? > $1
R< ? >			$: < @ >
R< ? > localhost	$@ RELAY
R< ? > $=w		$@ RELAY
ifdef(`_RELAY_ENTIRE_', `R< ? > $* $=m		$@ RELAY
')dnl
R< ? > $=R		$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `', `R< ? > $* .$=R		$@ RELAY
')dnl
ifdef(`_ACCESS_', `ifdef(`_RELAY_HOSTS_ONLY_', `R< ? > $*		$: < $(access Connect:$1 $: ? $) > < $1 >
R< ? > < $* >		$: < $(access $1 $: ? $) > < $1 >
', `R< ? > $*		$: $>D < $1 > < ? > < + Connect > < $1 >
')R< RELAY > $*		$@ RELAY
R< < TMPF > > $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_
R< ? > < $* >		$: $1
R< $* > < $* >		$@ $2
')dnl
ifdef(`_BAD_HELO_', `ifdef(`_DELAY_CHECKS_', `', `include(_CF_DIR_`m4/rules/helo.m4')')')dnl

')dnl
ifdef(`_DELAY_CHECKS_', `include(_CF_DIR_`m4/rules/delay.m4')')dnl
ifdef(`_GREET_', `#
# greet_pause: how long a client must wait for the greeting, in milliseconds
#
SLocal_greet_pause
Sgreet_pause
R$*			$: $1 $| $>Local_greet_pause $1
R$* $| $* $| $#$*	$#$3
R$* $| $* $| $*		$: $1 $| $2 $| @
ifdef(`_greet_access_', `R$+ $| $+ $| @		$: $>D < $1 > < ? > < ! GreetPause > < $2 >
R  $| $+ $| @		$: $>A < $1 > < ? > < ! GreetPause > < >
R$* $| $* $| @		$@ $1 $| $2
R$* $| $*		$@ $1
R< ? > < $+ >		$: $>A < $1 > < ? > < ! GreetPause > < $1 >
R< ? > < $* >		$: < $(access GreetPause: $: ? $) > < $1 >
R< $- > < $* >		$: < $1 >
R< $+ < TMPF > > $*	$: < ? >
R< ? >			$# _greet_default_
R< $- >			$# $1
', `R$*			$# _greet_default_
')dnl

')dnl
#
# trust_auth: may the authenticated client act for the one it names?
#
SLocal_trust_auth
Strust_auth
R$*			$: $&{auth_type} $| $1
R $| $*			$#error $@ 5.7.1 $: "550 not authenticated"
R$* $| < $&{auth_authen} >	$@ identical
R$* $| $&{auth_authen}	$@ identical
R$* $| < $* >		$: $2
R$* $| $*		$: $2
R$*			$: $1 $| $>Local_trust_auth $1
R$* $| $#$*		$#$2
R$*			$#error $@ 5.7.1 $: "550 " $&{auth_authen} " not allowed to act as " $&{auth_author}
