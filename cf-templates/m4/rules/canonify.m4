
#
# Ruleset 3 (canonify): from any way of writing an address to
#	user < @ host >
# with `< @ >' for the empty address. Everything else relies on that form.
#
Scanonify=3
# Nothing at all is the null sender. Its canonical form, come round again, is
# left as a list that parse refuses, so that it never becomes a recipient.
R$@			$@ < @ >
R< @ >			$@ : ; < @ >
# Angle brackets: what stands in the last and innermost pair counts. It is the
# address, so that a colon in it does not end a group's name.
R$* < $* < $*		< $3
R$* < > $*		$@ < @ >
R< $+ : ; > $*		$@ $1 : ; < @ >
R$* < $+ > $*		$: < ! > $2
R< ! > $* ;		$: < ! > $1
R< ! >			$@ < @ >
# A source route says where to pass by; only its end matters.
R< ! > @ $+ , $+	< ! > $2
R< ! > @ [ $+ ] : $+	$: < ! > $2
R< ! > @ $+ : $+	$: < ! > $2
# A name and a colon may precede a plain address (a group, a scheme). Colons of
# IPv6 literals, of node::user and of :include: are not of that kind.
R$*			$: < : > $1
R< : > < ! > $*		$: $1
R< : > @ $+ , $+	< : > $2
R< : > @ [ $+ ] : $+	$: $2
R< : > @ $+ : $+	$: $2
R< : > $* : $* [ $+ ]	$: $2 [ $3 ]
R< : > $* [ IPv6 : $+ ]	$: $1 [ IPv6 : $2 ]
R< : > $* :: $*		$: $1 :: $2
R< : > : include : $*	$: : include : $1
R< : > @ $*		$: @ $1
R< : > $* : $*		$: $2
R< : > $*		$: $1
# A group may end with a semicolon; nothing may be left of it.
R$* ;			$1
R$@			$@ : ; < @ >
# user@host: the last at sign is the one that routes.
R$+ @ $+		$: $1 < @ $2 >
R$+ < $+ @ $+ >		$1 $2 < @ $3 >
R$+ < @ $+ >		$@ $>Canonify2 $1 < @ $2 >
ifdef(`_NO_UUCP_', `', `# UUCP: host!user; a bare host name belongs to the pseudo domain UUCP
R$- ! $+		$@ $>Canonify2 $2 < @ $1 .UUCP >
R$+ . $- ! $+		$@ $>Canonify2 $3 < @ $1 . $2 >
R$+ ! $+		$@ $>Canonify2 $2 < @ $1 .UUCP >
')dnl
ifdef(`_DECNET_', `# DECnet: node::user
R$- :: $+		$@ $>Canonify2 $2 < @ $1 .DECNET >
R$- . $+ :: $+		$@ $>Canonify2 $3 < @ $1 . $2 .DECNET >
')dnl
ifdef(`_NO_PERCENT_', `# No percent routing here: only an at sign can be the focus.
R$* @ $*		$: $1 < @ $2 >
', `# user%host, and what has an at sign but not both sides of it: all are percent
# signs, and the last one is the focus.
R$* @ $*		$1 % $2
R$* % $*		$: $1 < @ $2 >
R$* < @ $* % $* >	$1 % $2 < @ $3 >
')dnl
R$*			$@ $>Canonify2 $1

#
# Ruleset 96 (Canonify2): the host of a focused address. A name that is known
# ends in a dot afterwards; one that nobody knows does not.
#
SCanonify2=96
# This host by its everyday name.
R$* < @ localhost > $*		$: $1 < @ $j . > $2
R$* < @ localhost . $m > $*	$: $1 < @ $j . > $2
ifdef(`_NO_UUCP_', `', `R$* < @ localhost .UUCP > $*	$: $1 < @ $j . > $2
')dnl
undivert(2)dnl
# Address literals: ours become our name, others stay.
R$* < @ [ $+ ] > $*		$: < [ > $1 < @ [ $2 ] > $3
R< [ > $* < @ $=w > $*		$: $1 < @ $j . > $3
R< [ > $* < @ $+ > $*		$@ $1 < @ $2 > $3
ifdef(`_kmap_domaintable_', `# feature domaintable`'_at_(`domaintable'): names that have another name.
R$* < @ $+ > $*			$: $1 < @ $(domaintable $2 $) > $3
')dnl
ifdef(`_kmap_bitdomain_', `# feature bitdomain`'_at_(`bitdomain'): BITNET nodes that have an Internet name.
R$* < @ $+ .BITNET > $*		$: $1 < @ $(bitdomain $2 $: $2 .BITNET $) > $3
')dnl
ifdef(`_kmap_uudomain_', `# feature uucpdomain`'_at_(`uucpdomain'): UUCP hosts that have an Internet name.
R$* < @ $+ .UUCP > $*		$: $1 < @ $(uudomain $2 $: $2 .UUCP $) > $3
')dnl
undivert(120)dnl
ifdef(`_NO_UUCP_', `', `ifdef(`_NO_CANONIFY_', `', `ifdef(`UUCP_RELAY', `R$* < @ $+ .UUCP > $*		$: $1 < @ $2 .UUCP . > $3
', `# A UUCP host that the name server knows gets its real name; the others are
# complete as they are.
R$* < @ $+ .UUCP > $*		$: $1 < @ $[ $2 $: $2 .UUCP . $] > $3
')')')dnl
# Pseudo domains, and names that end in a dot already, are not looked up.
R$* < @ $* $=P > $*		$: $1 < @ $2 $3 . > $4
R$* < @ $* .. > $*		$1 < @ $2 . > $3
R$* < @ $* . > $*		$@ $1 < @ $2 . > $3
ifdef(`_NO_CANONIFY_', `# feature nocanonify`'_at_(`nocanonify'): names are taken as they are, unless the daemon asks
# for lookups (M=c) or the name is in class Canonify.
ifdef(`_CANONIFY_HOSTS_', `# single words are looked up all the same
R$* < @ $- > $*			$: $1 < @ $[ $2 $] > $3
R$* < @ $* . > $*		$@ $1 < @ $2 . > $3
')dnl
R$* < @ $+ > $*			$: $&{daemon_flags} $| $1 < @ $2 > $3
R$* c $* $| $* < @ $+ > $*	$: $3 < @ $[ $4 $] > $5
R$* $| $*			$: < n > $2
ifdef(`_canonify_class_', `R< n > $* < @ $={Canonify} > $*	$@ $1 < @ $[ $2 $] > $3
R< n > $* < @ $* .$={Canonify} > $*	$@ $1 < @ $[ $2 .$3 $] > $4
')dnl
R< n > $* < @ $=w > $*		$@ $1 < @ $2 . > $3
R< n > $* < @ $+ . $+ > $*	$@ $1 < @ $2 . $3 . > $4
R< n > $*			$: $1
', `# The name server says which names exist and what they are really called.
# A daemon with M=C takes the names of its clients as they are.
R$* < @ $+ > $*			$: $&{daemon_flags} $| $1 < @ $2 > $3
R$* CC $* $| $* < @ $+ . $+ > $*	$: $3 < @ $4 . $5 . > $6
R$* CC $* $| $*			$: $3
R$* $| $* < @ $+ > $*		$: $2 < @ $[ $3 $] > $4
R$* $| $*			$: $2
')dnl
# Our own names, and the domains we speak for, count as known.
R$* < @ $=w > $*		$: $1 < @ $2 . > $3
R$* < @ $=M > $*		$: $1 < @ $2 . > $3
ifdef(`_masq_entire_', `R$* < @ $* .$=M > $*		$: $1 < @ $2 .$3 . > $4
')dnl
ifdef(`_kmap_generics_', `ifdef(`_generics_class_', `R$* < @ $=G > $*		$: $1 < @ $2 . > $3
ifdef(`_generics_entire_', `R$* < @ $* .$=G > $*		$: $1 < @ $2 .$3 . > $4
')')')dnl
ifdef(`_kmap_virtuser_', `ifdef(`_virthost_class_', `R$* < @ $={VirtHost} > $*	$: $1 < @ $2 . > $3
ifdef(`_virtuser_entire_', `R$* < @ $* .$={VirtHost} > $*	$: $1 < @ $2 .$3 . > $4
')')')dnl
R$* < @ $* .. > $*		$1 < @ $2 . > $3

#
# Ruleset 4 (final): from the focused form to what is written out.
#
Sfinal=4
R$+ : ; < @ >			$@ $1 :
R$* < @ >			$@
R$+ : ; < $* >			$@ $1 : ;
R$* < @ *LOCAL* > $*	$1 < @ $j > $2
# the dot that says known does not leave the house
R$* < @ $+ . > $*		$1 < @ $2 > $3
R$* < $+ > $*			$1 $2 $3
ifdef(`_NO_UUCP_', `', `R$+ @ $- .UUCP			$2 ! $1
')dnl
R$+ % $=w @ $=w			$1 @ $2
ifdef(`_DECNET_', `R$+ @ $+ .DECNET		$2 :: $1
')dnl

#
# Ruleset 97 (Recurse): an address that a table gave, from the beginning.
#
SRecurse=97
R$*			$: $>canonify $1
R$*			$@ $>parse $1
