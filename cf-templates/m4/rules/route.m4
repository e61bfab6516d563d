
#
# Ruleset 0 (parse): from a focused address to a mailer, a host and a user.
#
Sparse=0
R$*			$: $>Parse0 $1
R< @ >			$#_LOCAL_ $: < @ >
R$*			$: $>ParseLocal $1
R$*			$: $>Parse1 $1

#
# Parse0: faults of form, and addresses at this host that route further.
#
SParse0
R< @ >			$@ < @ >
R$* : ; < @ > $*	$#error $@ 5.1.3 $: "553 List:; syntax illegal for recipient addresses"
R@ < @ $* >		< @ $1 >
R< @ $+ >		$#error $@ 5.1.3 $: "553 User address required"
R$+ < @ >		$#error $@ 5.1.3 $: "553 Hostname required"
R$* < @ > $*		$@ $1
R$* < @ $~[ $* : $* > $*	$#error $@ 5.1.3 $: "553 Colon illegal in host name part"
R$* < @ [ $* ] : $+ > $*	$@ $1 < @ [ $2 ] : $3 > $4
R$* < @ [ $+ ] $+ > $*	$#error $@ 5.1.2 $: "553 Invalid address"
R$* < @ . $* > $*	$#error $@ 5.1.2 $: "553 Invalid host name"
R$* < @ $* .. $* > $*	$#error $@ 5.1.2 $: "553 Invalid host name"
R$* < @ $* @ > $*	$#error $@ 5.1.2 $: "553 Invalid route address"
R$* @ $* < @ $* > $*	$#error $@ 5.1.3 $: "553 Invalid route address"
R$* , $*		$#error $@ 5.1.3 $: "553 Invalid route address"
# A quoted local part at this host may hide a route, and so may one without host.
R$- < @ $=w . >		$: $(dequote $1 $) < @ $2 . >
R< @ $=w . >		$#error $@ 5.1.3 $: "553 User address required"
R$* $=O $* < @ $=w . >	$@ $>Parse0 $>canonify $1 $2 $3
R$-			$: < > $(dequote $1 $)
R< > $+ $=O $+		$@ $>Parse0 $>canonify $1 $2 $3
R< >			$#error $@ 5.1.3 $: "553 User address required"
R< > $*			$: $1
ifdef(`_prefix_', `# feature prefixmod`'_at_(`prefixmod'): the word is no part of the name
R`'_prefix_ $+			$: $1
')dnl

#
# Parse1: which mailer.
#
SParse1
ifdef(`_LDAP_ROUTING_', `# feature ldap_routing`'_at_(`ldap_routing'): the directory says where users of its domains live
ifdef(`_ldaproute_class_', `R$+ < @ $={LDAPRoute} . >	$: $>LDAPExpand < $1 < @ $2 . > > < $1 @ $2 > < >
ifdef(`_ldapequiv_class_', `R$+ < @ $={LDAPRouteEquiv} . >	$: $>LDAPExpand < $1 < @ $2 . > > < $1 @ $M > < >
')')dnl
')dnl
ifdef(`_kmap_virtuser_', `# feature virtusertable`'_at_(`virtusertable'): an address that stands for another
R$+ < @ $=w . >		$: < @ > < $1 @ $2 > $1 < @ $2 . >
ifdef(`_virthost_class_', `R$+ < @ $={VirtHost} . >	$: < @ > < $1 @ $2 > $1 < @ $2 . >
ifdef(`_virtuser_entire_', `R$+ < @ $+ .$={VirtHost} . >	$: < @ > < $1 @ $2 .$3 > $1 < @ $2 .$3 . >
')# A domain of more than one of these classes: once is enough.
R< @ > < < @ > $+ > < @ > < $+ > $+	$: < @ > < $2 > $3
')dnl
# the whole address; user++ for some detail, user+* for any; the user alone;
# the same for every user; the domain
R< @ > < $+ @ $+ > $+	$: < $(virtuser $1@$2 $@ $1 $: @ $) > < $1 @ $2 > $3
R< @ > < $+ + $+ @ $+ > $+	$: < $(virtuser $1++@$3 $@ $1 $@ $2 $@ +$2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $+	$: < $(virtuser $1+*@$3 $@ $1 $@ $2 $@ +$2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $+	$: < $(virtuser $1@$3 $@ $1 $@ $2 $@ +$2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $+ @ $+ > $+	$: < $(virtuser ++@$3 $@ $1 $@ $2 $@ +$2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $+	$: < $(virtuser +*@$3 $@ $1 $@ $2 $@ +$2 $: @ $) > < $1 + $2 @ $3 > $4
R< @ > < $+ + $* @ $+ > $+	$: < $(virtuser @$3 $@ $1 $@ $2 $@ +$2 $: ! $) > < $1 + $2 @ $3 > $4
R< @ > < $+ @ $+ > $+	$: < $(virtuser @$2 $@ $1 $: ! $) > < $1 @ $2 > $3
R< ! > < $+ > $+	$: $2
R< error : $* > < $+ > $+	$: < error : $1 > $3
R< error : $-.$-.$- : $+ > $*	$#error $@ $1.$2.$3 $: $4
R< error : $- $+ > $*	$#error $@ $(dequote $1 $) $: $2
R< $+ > < $+ > $+	$: $>Recurse $1
')dnl

ifdef(`_REDIRECT_', `# feature redirect`'_at_(`redirect'): addresses that only say where somebody has gone;
# newaliases may meet them
R$* < @ $+ .REDIRECT. > $*	$: $1 < @ $2 .REDIRECT. > < ${opMode} >
R$* < @ $+ .REDIRECT. > < i >	$: $1 < @ $2 .REDIRECT. >
R$* < @ $+ .REDIRECT. > < $* >	$#error $@ 5.1.1 $: "551 User has moved; please try " < $1 @ $2 >
')dnl
ifdef(`_STICKY_', `# feature stickyhost`'_at_(`stickyhost'): user@thishost is not the same as user
ifdef(`MAIL_HUB', `R$+ < @ $=w . >		$: $>MailerToTriple < $H > $1 < @ $2 . >
', `R$+ + $* < @ $=w . >	$#_LOCAL_ $: $1 + $2
R$+ < @ $=w . >		$#_LOCAL_ $: @ $1
')dnl
')dnl
undivert(134)dnl
R$=L < @ $=w . >	$#_LOCAL_ $: @ $1
R$+ < @ $=w . >		$#_LOCAL_ $: $1

# UUCP neighbours, and who else has a mailer of its own
undivert(4)dnl
undivert(131)dnl
ifdef(`_VNET_', `R$* < @ $+ .ibm.com > $*	$#_RELAY_ $@ $2.ibm.com $: $1 < @ $2.ibm.com > $3
R$* < @ $+ .vnet. > $*	$#_RELAY_ $@ ifdef(`VNET_RELAY', `VNET_RELAY') $: $1 < @ $2 .VNET. > $3
')dnl

# address literals: directly, or through the smart host
R$* < @ [ $+ ] > $*	$: < $S > $1 < @ [ $2 ] > $3
ifdef(`_MAILER_smtp_', `R< > $* < @ [ $+ ] > $*	$#_SMTP_ $@ [ $2 ] $: $1 < @ [ $2 ] > $3
', `R< > $* < @ [ $+ ] > $*	$#error $@ 5.1.2 $: "553 Unrecognized host name " [ $2 ]
')dnl
R< $- : $+ > $* < @ [ $+ ] > $*	$#$1 $@ $2 $: $3 < @ [ $4 ] > $5
R< $+ > $* < @ [ $+ ] > $*	$#_SMTP_ $@ $1 $: $2 < @ [ $3 ] > $4

ifdef(`_kmap_mailertable_', `# feature mailertable`'_at_(`mailertable'): by host, by its parents, by the default entry
R$* < @ $+ > $*		$: < $2 > $1 < @ $2 > $3
R< $+ . > $+		$: < $1 > $2
R< $+ > $+		$: $>Mailertable < $1 > $2
')dnl
ifdef(`_MAILER_uucp_', `ifdef(`UUCP_RELAY', `', `R$* < @ $+ .UUCP. > $*	$#_UUCP_ $@ $2 $: $1 < @ $2 .UUCP. > $3
')')dnl
ifdef(`_BESTMX_', `# feature bestmx_is_local`'_at_(`bestmx_is_local'): hosts whose best exchanger we are
ifdef(`_bestmx_class_', `R$* < @ $=B . > $*	$: $1 < @ $2 . > $3 $| $(bestmx $2 $: ? $)
R$* < @ $* .$=B . > $*	$: $1 < @ $2 .$3 . > $4 $| $(bestmx $2.$3 $: ? $)
', `R$* < @ $* > $*		$: $1 < @ $2 > $3 $| $(bestmx $2 $: ? $)
')dnl
R$* $=O $* < @ $* > $* $| $=w .	$@ $>Recurse $1 $2 $3
R$* < @ $* > $* $| $=w .	$>CanonLocal < $1 >
R$* $| $*		$: $1
')dnl
undivert(132)dnl
# pseudo domains with a relay of their own
ifdef(`BITNET_RELAY', `R$* < @ $+ .BITNET . > $*	$: $>MailerToTriple < $B > $1 < @ $2 .BITNET . > $3
')dnl
ifdef(`_MAILER_mail11_', `R$* < @ $+ .DECNET . > $*	$#mail11 $@ $2 $: $1
')dnl
ifdef(`DECNET_RELAY', `R$* < @ $+ .DECNET . > $*	$: $>MailerToTriple < $C > $1 < @ $2 .DECNET . > $3
')dnl
ifdef(`FAX_RELAY', `ifdef(`_MAILER_fax_', `', `R$* < @ $+ .FAX . > $*	$: $>MailerToTriple < $F > $1 < @ $2 .FAX . > $3
')')dnl
ifdef(`UUCP_RELAY', `R$* < @ $+ .UUCP . > $*	$: $>MailerToTriple < $Y > $1 < @ $2 .UUCP . > $3
')dnl
ifdef(`_LOCAL_NET_', `# what the site keeps from its smart host
undivert(1)dnl
')dnl
# everything else that has a host: the smart host, or whoever the host is
R$* < @ $* > $*		$: $>MailerToTriple < $S > $1 < @ $2 > $3
ifdef(`_MAILER_smtp_', `R$* < @ $* > $*		$#_SMTP_ $@ $2 $: $1 < @ $2 > $3
', `R$* < @ $* > $*		$#error $@ 5.1.2 $: "553 Unrecognized host name " $2
')dnl
# a name without a host is a user of this host
R$=L			$#_LOCAL_ $: @ $1
R$+			$#_LOCAL_ $: $1

ifdef(`_kmap_mailertable_', `#
# Mailertable: < host > address, then prefix . < rest > address for the parents.
# %1 in an entry for .parent is what stood in front of it.
#
SMailertable=90
R< $+ > $+		$: < $(mailertable $1 $: $1 $) > < > < $1 > $2
R$+ . < $+ > $+		$: < $(mailertable .$2 $@ $1 $: ? $) > < $1 . > < $2 > $3
R< $- : $* > < $* > < $* > $+	$@ $>MailerToTriple < $1 : $2 > $5
# an entry that names no mailer is another name for the host
R< $+ > < > < $+ > $+	$: < ? > < > < $1 > $3
R< $* > < $* > < $- . $+ > $+	$@ $>Mailertable $2 $3 . < $4 > $5
R< $* > < $* > < $+ > $+	$: < $(mailertable . $@ $2$3 $: ? $) > $4
R< $- : $* > $+		$@ $>MailerToTriple < $1 : $2 > $3
R< $* > $+		$@ $2

')dnl
ifdef(`_LDAP_ROUTING_', `#
# LDAPExpand: < address > < key > < detail >: looks the key up in the directory.
# What comes back is the address, another address, or a mailer and a host.
#
SLDAPExpand
# < new address > < host > < address > < key > < detail >
R< $+ > < $+ > < $* >	$: < $(ldapmra $2 $: $) > < $(ldapmh $2 $: $) > < $1 > < $2 > < $3 >
# no answer just now: a session is told so, other mail waits in the queue
R< $* < TMPF > > < $* > < $+ > < $+ > < $* >	$: $&{opMode} $| $3
R< $* > < $* < TMPF > > < $+ > < $+ > < $* >	$: $&{opMode} $| $3
ifelse(_ldap_tempfail_, `tempfail', `R$={SMTPOpModes} $| $+	$#error $@ 4.3.0 $: _TMPFMSG_
')dnl
R$* $| $+		$@ $2
ifelse(_ldap_detail_, `preserve', `# the detail goes over to the new address
R< $+ @ $+ > < $* > < $+ > < $+ > < + $* >	$: < $1 + $6 @ $2 > < $3 > < $4 > < $5 > < + $6 >
')dnl
# a host of ours, or none: the new address is routed on
R< > < $=w > < $+ > < $+ > < $* >	$@ $2
R< $+ > < $=w > < $+ > < $+ > < $* >	$@ $>Parse0 $>canonify $1
R< $+ > < > < $+ > < $+ > < $* >	$@ $>Parse0 $>canonify $1
# another host: the mail goes there
ifdef(`_kmap_mailertable_', `R< > < $+ > < $+ > < $+ > < $* >	$@ $>LDAPMailertable < $1 > $2
R< $+ > < $+ > < $+ > < $+ > < $* >	$@ $>LDAPMailertable < $2 > $>canonify $1
', `R< > < $+ > < $+ > < $+ > < $* >	$#_RELAY_ $@ $1 $: $2
R< $+ > < $+ > < $+ > < $+ > < $* >	$#_RELAY_ $@ $2 $: $>canonify $1
')dnl
# not known: the same without the detail, then the domain
ifelse(_ldap_detail_, `', `', `R< > < > < $+ > < $+ + $* @ $+ > < >	$@ $>LDAPExpand < $1 > < $2 @ $4 > < + $3 >
')dnl
ifelse(_ldap_nodomain_, `', `R< > < > < $+ > < $+ @ $+ > < $* >	$@ $>LDAPExpand < $1 > < @ $3 > < $4 >
')dnl
ifelse(_ldap_bounce_, `passthru', `# nobody knows it: mail goes on as if nothing had been asked
R< > < > < $+ > < $* > < $* >	$@ $1
', `# nobody knows it: no such recipientifelse(_ldap_bounce_, `sendertoo', `, or sender')
R< > < > < $+ > < $* > < $* >	$: $&{addr_type} $| $1
Re r $| $+		$#error $@ nouser $: "550 User unknown"
ifelse(_ldap_bounce_, `sendertoo', `Re s $| $+		$#error $@ nouser $: "550 User unknown"
')dnl
R$* $| $+		$@ $2
')dnl

ifdef(`_kmap_mailertable_', `#
# LDAPMailertable: < host > address: the way to a host that the directory named,
# by mailertable where it is there.
#
SLDAPMailertable
R< $+ > $+		$: < $(mailertable $1 $: $1 $) > $2
R< $~[ : $* > $+	$@ $>MailerToTriple < $1 : $2 > $3
R< $+ > $+		$: < $1 > $>Mailertable < $1 > $2
R< $+ > $# $*		$#$2
R< $+ > $+		$#_RELAY_ $@ $1 $: $2

')dnl
')dnl
#
# Ruleset 95 (MailerToTriple): < mailer:host > address, as tables and relay
# definitions name it, made into a mailer, a host and a user.
#
SMailerToTriple=95
R< > $*			$@ $1
R< error : $-.$-.$- : $+ > $*	$#error $@ $1.$2.$3 $: $4
R< error : $+ > $*	$#error $: $1
R< local : $* > $*	$>CanonLocal < $1 > $2
R< $~[ : $+ @ $+ > $* < $* > $*	$#$1 $@ $3 $: $2 < @ $3 >
R< $~[ : $+ > $*	$#$1 $@ $2 $: $3
R< $+ > $*		$#_RELAY_ $@ $1 $: $2

#
# CanonLocal: < user > address: delivered here, to that user or to the one the
# address names. A local part that is a route of its own goes that way.
#
SCanonLocal
R< $* > $* $=O $* < @ $+ >	$@ $>Recurse $2 $3 $4
R< $- @ $+ > $*		$: < $1 > $3
R< $* > $* < @ $+ . >	$: < $1 > $2 @ $3
R< $* > $* < @ $+ >	$: < $1 > $2 @ $3
R< > $+ @ $+		$@ $#_LOCAL_ $@ $1 @ $2 $: $1
R< > $+			$@ $#_LOCAL_ $@ $1 $: $1
R< $+ > $*		$@ $#_LOCAL_ $@ $2 $: $1

#
# Ruleset 98 (ParseLocal): the rules that a site adds to parse.
#
SParseLocal=98
undivert(3)dnl

#
# Ruleset 5 (localaddr): a local user that is no alias. It may have a detail,
# or live elsewhere.
#
SLocal_localaddr
Slocaladdr=5
R$#$*			$@ $#$1
R$+			$: $1 $| $>Local_localaddr $1
R$+ $| $#ok		$@ $1
R$+ $| $#$*		$#$2
R$+ $| $*		$: $1
ifdef(`_MSP_', `# submission: everybody is served by the daemon
R$*			$: $>Parse0 $>canonify $1
R$#$*			$@ $#$1
R$* < @ $+ > $*		$#_RELAY_ $@ ${MTAHost} $: $1 < @ $2 > $3
R$+			$#_RELAY_ $@ ${MTAHost} $: $1 < @ $j >
')dnl
ifdef(`_PRESERVE_PLUS_', `', `# user+detail: user+* may be an alias, after that the user alone
R$+ + *			$#_LOCAL_ $@ $&h $: $1
R$+ + $*		$#_LOCAL_ $@ + $2 $: $1 + *
')dnl
ifdef(`LUSER_RELAY', `# LUSER relay: for those whom nobody here knows
R$+			$: < $L > $(user $1 $)
R< $* > $+ <>		$: < > $2
ifdef(`_PRESERVE_LUSER_HOST_', `R< $+ > $+ @ $+			$@ $>MailerToTriple < $1 > $2 < @ $3 >
')dnl
R< > $+			$: $1
R< local : $* > $+	$@ $>MailerToTriple < local : $1 > $2
R< error : $+ > $+	$@ $>MailerToTriple < error : $1 > $2
R< $- : $+ > $+		$@ $>MailerToTriple < $1 : $2 > $3 < @ $2 >
R< $+ > $+		$@ $>MailerToTriple < $1 > $2 < @ $1 >
')dnl
ifdef(`MAIL_HUB', `# mail hub: all local users are served there
R$+			$: < $H > $1
', `ifdef(`LOCAL_RELAY', `# local relay: users without a host are served there
R$+			$: < $R > $1
')')dnl
_either_(`MAIL_HUB', `LOCAL_RELAY', `R< > $+			$@ $1
R< local : $* > $+	$@ $>MailerToTriple < local : $1 > $2
R< error : $+ > $+	$@ $>MailerToTriple < error : $1 > $2
R< $- : $+ > $+		$@ $>MailerToTriple < $1 : $2 > $3 < @ $2 >
R< $+ > $+		$@ $>MailerToTriple < $1 > $2 < @ $1 >
')dnl
