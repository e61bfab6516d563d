
#
# RelayTLS: may this client relay because of its certificate?
#
SRelayTLS
ifdef(`_ACCESS_', `R$*			$: < ? > $&{verify}
R< ? > $={TlsVerified}	$: < OK > ifdef(`_CERT_REGEX_ISSUER_', `$(CERTIssuer $&{cert_issuer} $)', `$&{cert_issuer}')
R< ? > $*		$@ NO
R< OK > $+		$: < $(access CERTIssuer:$1 $: ? $) > $1
R< RELAY > $*		$# RELAY
R< SUBJECT > $*		$: < @ > ifdef(`_CERT_REGEX_SUBJECT_', `$(CERTSubject $&{cert_subject} $)', `$&{cert_subject}')
R< @ > $+		$: < @ > $(access CERTSubject:$1 $: ? $)
R< @ > RELAY		$# RELAY
R$*			$@ NO
')dnl

SLocal_Relay_Auth

#
# srv_features, clt_features: what is offered to a client, what is used of a server
#
ifdef(`_local_srv_features_', `', `')dnl
Ssrv_features
ifdef(`_local_srv_features_', `R$*			$: $1 $| $>Local_srv_features $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_ACCESS_', `R$*			$: $>D < $&{client_name} > < ? > < ! "Srv_Features" > < >
R< ? > $*		$: $>A < $&{client_addr} > < ? > < ! "Srv_Features" > < >
R< ? > $*		$: < $(access "Srv_Features": $: ? $) >
R< ? > $*		$@ OK
R< < TMPF > > $*	$#temp
R< $+ > $*		$# $1
')dnl

Sclt_features
ifdef(`_local_clt_features_', `R$*			$: $1 $| $>Local_clt_features $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_ACCESS_', `# sendmail: the client of the session is looked up, not the server
R$*			$: $>D < $&{client_name} > < ? > < ! "Clt_Features" > < >
R< ? > $*		$: $>A < $&{client_addr} > < ? > < ! "Clt_Features" > < >
R< ? > $*		$: < $(access "Clt_Features": $: ? $) >
R< ? > $*		$@ OK
R< < TMPF > > $*	$#temp
R< $+ > $*		$# $1
')dnl

#
# try_tls: shall STARTTLS be tried with this server?
#
Stry_tls
ifdef(`_local_try_tls_', `R$*			$: $1 $| $>Local_try_tls $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_ACCESS_', `R$*			$: $>D < $&{server_name} > < ? > < ! "Try_TLS" > < >
R< ? > $*		$: $>A < $&{server_addr} > < ? > < ! "Try_TLS" > < >
R< ? > $*		$: < $(access "Try_TLS": $: ? $) >
R< ? > $*		$@ OK
R< NO > $*		$#error $@ 5.7.1 $: "550 do not try TLS with " $&{server_name} " [" $&{server_addr} "]"
')dnl

#
# tls_rcpt, tls_client, tls_server: is the connection good enough for this
# recipient, this client, this server?
#
Stls_rcpt
ifdef(`_local_tls_rcpt_', `R$*			$: $1 $| $>Local_tls_rcpt $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_STS_', `R$*			$: $1 $| $>STS_Check $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_ACCESS_', `R$*			$: $(macro {TLS_Name} $@ $&{server_name} $) $1
R$*			$: < ? > $>CanonAddr $1
R< ? > $* < @ $+ . >	$: < ? > $1 < @ $2 >
R< ? > $+ < @ $+ >	$: $1 @ $2 $| < F:$1@$2 > < U:$1@ > < D:$2 > < E: >
R< ? > $+		$: $1 $| < U:$1@ > < E: >
R$* $| $+		$: $1 $| $>SearchList < ! "TLS_Rcpt" > $| $2 < >
R$* $| < ? >		$@ OK
R$* $| < $* >		$@ $>TLS_connection $&{verify} $| < $2 >
')dnl

Stls_client
ifdef(`_local_tls_client_', `R$*			$: $1 < ? > $>Local_tls_client $1
R$* < ? > $#$*		$#$2
R$* < ? > $*		$: $1
')dnl
ifdef(`_ACCESS_', `R$* $| $*		$: $(macro {TLS_Name} $@ $&{client_name} $) $1 $| $>D < $&{client_name} > < ? > < ! "TLS_Clt" > < >
R$* $| < ? > $*		$: $1 $| $>A < $&{client_addr} > < ? > < ! "TLS_Clt" > < >
R$* $| < ? > $*		$: $1 $| < $(access "TLS_Clt": $: ? $) >
R$*			$@ $>TLS_connection $1
', `R$* $| $*		$@ $>TLS_connection $1
')dnl

Stls_server
ifdef(`_STS_', `R$*			$: $1 $| $>STS_secure $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_local_tls_server_', `R$*			$: $1 $| $>Local_tls_server $1
R$* $| $#$*		$#$2
R$* $| $*		$: $1
')dnl
ifdef(`_ACCESS_', `R$*			$: $(macro {TLS_Name} $@ $&{server_name} $) $1 $| $>D < $&{server_name} > < ? > < ! "TLS_Srv" > < >
R$* $| < ? > $*		$: $1 $| $>A < $&{server_addr} > < ? > < ! "TLS_Srv" > < >
R$* $| < ? > $*		$: $1 $| < $(access "TLS_Srv": $: ? $) >
')dnl
R$*			$@ $>TLS_connection $1

#
# TLS_connection: how the handshake went $| < what is demanded >
#
STLS_connection
ifdef(`_ACCESS_', `R$* $| < ? > $*		$: $1 $| OK
R$* $| < < $*		$: $1 $| OK
R$* $| < > $*		$: $1 $| OK
RSOFTWARE $| OK		_TLSFAIL_ TLS handshake failed."
RPROTOCOL $| OK		_TLSFAIL_ STARTTLS failed."
RCONFIG $| OK		_TLSFAIL_ STARTTLS temporarily not possible."
RDANE_FAIL $| OK	_TLSFAIL_ DANE check failed."
R$* $| OK		$@ OK
', `ifdef(`_tls_fallback_', `', `RSOFTWARE		_TLSFAIL_ TLS handshake failed."
RPROTOCOL		_TLSFAIL_ STARTTLS failed."
RCONFIG			_TLSFAIL_ STARTTLS temporarily not possible."
RDANE_FAIL		_TLSFAIL_ DANE check failed."
')')dnl
ifdef(`_need_tls_req_', `# with a demand: how a failure is called, then what is demanded
R$* $| < PERM + $+ > $*	$: $1 $| < 503:5.7.0 > $2
R$* $| < TEMP + $+ > $*	$: $1 $| < 403:4.7.0 > $2
R$* $| < $={Tls} $* > $*	$: $1 $| < _PERMERR_ > $2 $3
# a demand that nobody understands counts as none
RSOFTWARE $| < $- > $*	_TLSFAIL_ TLS handshake failed."
RPROTOCOL $| < $- > $*	_TLSFAIL_ STARTTLS failed."
RCONFIG $| < $- > $*	_TLSFAIL_ STARTTLS temporarily not possible."
RDANE_FAIL $| < $- > $*	_TLSFAIL_ DANE check failed."
RSOFTWARE $| < $-:$+ > $*	$#error $@ $2 $: $1 " TLS handshake failed."
RPROTOCOL $| < $-:$+ > $*	$#error $@ $2 $: $1 " STARTTLS failed."
RCONFIG $| < $-:$+ > $*	$#error $@ $2 $: $1 " STARTTLS temporarily not possible."
RDANE_FAIL $| < $-:$+ > $*	$#error $@ $2 $: $1 " DANE check failed."
# VERIFY needs a certificate that we trust; bits may follow, and a list
R$={TlsVerified} $| < $+ > VERIFY $*	$: < $2 > ENCR $3
ROK $| < $+ > ENCR $*	$: < $1 > ENCR $2
R$* $| < $+ > VERIFY : $-	$: $1 $| < $2 > VERIFY
R$* $| < $+ > VERIFY : $- + $*	$: $1 $| < $2 > VERIFY + $4
R $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " authentication required"
RNO $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " not authenticated"
RNOT $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " no authentication requested"
RFAIL $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " authentication failed"
RNONE $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " other side does not support STARTTLS"
RCLEAR $| < $-:$+ > VERIFY $*	$#error $@ $2 $: $1 " STARTTLS disabled locally"
R$+ $| < $-:$+ > VERIFY + $*	$#error $@ $3 $: $2 " authentication failure " $4
R$+ $| < $-:$+ > VERIFY $*	$#error $@ $3 $: $2 " authentication failure " $4
R$* $| < $+ > ENCR $*	$: < $2 > ENCR $3
R< $+ > ENCR : $- + $+	$: < $1 > < $2 > < $3 > $| $>max $&{cipher_bits}:$&{auth_ssf}
R< $+ > ENCR : $-	$: < $1 > < $2 > < > $| $>max $&{cipher_bits}:$&{auth_ssf}
R< $+ > ENCR + $+	$: < $1 > < 0 > < $2 > $| $>max $&{cipher_bits}:$&{auth_ssf}
R< $-:$+ > < $- > < $* > $| $-	$: < $1:$2 > < $3 > < $4 > $| $5 $(arith l $@ $5 $@ $3 $)
R< $-:$+ > < $- > < $* > $| $- TRUE	$#error $@ $2 $: $1 " encryption too weak " $5 " less than " $3
R< $+ > < $- > < $+ > $| $*	$: < $3 > $| < $1 >
R$* ++ $* $| $*		$1 > < $2 $| $3
R< $+ > $| < $+ >	$@ $>TLS_req < $1 > $| < $2 >
R$* $| $*		$@ OK
R< $+ > $*		$@ OK
')dnl

ifdef(`_need_tls_req_', `#
# max: the greater of two numbers a:b; an empty one counts nothing
#
Smax
R:			$: 0
R:$-			$: $1
R$-:			$: $1
R$-:$-			$: $(arith l $@ $1 $@ $2 $) : $1 : $2
RTRUE:$-:$-		$: $2
R$-:$-:$-		$: $2

')dnl
ifdef(`_need_tls_req_', `#
# TLS_req: < CN:name > < CS:subject > < CI:issuer > < CITag:tag > ... $| < code >
# one after the other; the last one that holds gives OK
#
STLS_req
R $| $+			$@ OK
R< CN > $* $| < $+ >	$: < CN:$&{TLS_Name} > $1 $| < $2 >
ifdef(`_CERT_ALTNAMES_', `# feature check_cert_altnames`'_at_(`check_cert_altnames'): any name in the certificate will do, if it is
# the name of the other side
R< CN:$+ > $* $| < $+ >	$: < CN:$&{TLS_Name} > $2 $| < $3 >
R< CN:$={cert_altnames} > $* $| < $+ >	$@ $>TLS_req $2 $| < $3 >
')dnl
R< CN:$&{cn_subject} > $* $| < $+ >	$@ $>TLS_req $1 $| < $2 >
R< CN:$+ > $* $| < $-:$+ >	$#error $@ $4 $: $3 " CN " $&{cn_subject} " does not match " $1
R< CS:$&{cert_subject} > $* $| < $+ >	$@ $>TLS_req $1 $| < $2 >
R< CS:$+ > $* $| < $-:$+ >	$#error $@ $4 $: $3 " Cert Subject " $&{cert_subject} " does not match " $1
R< CI:$&{cert_issuer} > $* $| < $+ >	$@ $>TLS_req $1 $| < $2 >
R< CI:$+ > $* $| < $-:$+ >	$#error $@ $4 $: $3 " Cert Issuer " $&{cert_issuer} " does not match " $1
ifdef(`_ACCESS_', `R< CITag:$- > $* $| < $+ >	$: < $(access $1:$&{cert_issuer} $: ? $) > $2 $| < $3 >
R< OK > $* $| < $+ >	$@ $>TLS_req $1 $| < $2 >
R< ? > $* $| < $-:$+ >	$#error $@ $3 $: $2 " Cert Issuer " $&{cert_issuer} " not acceptable"
')dnl

')dnl
#
# authinfo: what we tell a server that asks who we are
#
Sauthinfo
ifdef(`_AUTHINFO_', `R$*			$: < $(authinfo AuthInfo:$&{server_name} $: ? $) >
R< ? >			$: < $(authinfo AuthInfo:$&{server_addr} $: ? $) >
R< ? >			$: < $(authinfo AuthInfo: $: ? $) >
R< ? >			$@ no
R< $* >			$# $1
', `ifdef(`_ACCESS_', `R$*			$: $1 $| $>D < $&{server_name} > < ? > < ! AuthInfo > < >
R$* $| < ? > $*		$: $1 $| $>A < $&{server_addr} > < ? > < ! AuthInfo > < >
R$* $| < ? > $*		$: $1 $| < $(access AuthInfo: $: ? $) >
R$* $| < ? > $*		$@ no no authinfo available
R$* $| < $+ > $*	$# $2
')')dnl
undivert(181)dnl
ifdef(`_TLS_FEATURES_', `#
# Switched off for this connection by ClientPortOptions (D: DANE, M: MTA-STS)?
#
SDANE_disabled
R$*			$: $&{client_flags}
R$* DD $*		$@ YES
R$*			$@ NO

SSTS_disabled
R$*			$: $&{client_flags}
R$* MM $*		$@ YES
R$*			$@ NO

Stls_clt_features
ifdef(`_ACCESS_', `R$*			$: $>tls_clt_feat_acc $1
R$* $| $*		$@ ""
R$* = $*		$@ $1 = $2
R$+=$*			$@ $1=$2
R$- 			$: $1
R$+ . $+		$@ ""
R$*			$@ $1

Stls_clt_feat_acc
R$* $| $*		$: $>D < $1 > < ? > < ! "TLS_Clt_Features" > < $2 >
R< ? > < $* >		$: $>A < $1 > < ? > < ! "TLS_Clt_Features" > < $1 >
R< ? > < $* >		$@ ""
R< $+ > < $* >		$@ $1
', `R$*			$@ ""
')dnl

')dnl
ifdef(`_STS_', `#
# MTA-STS: the policy of a domain is asked for each recipient and kept in
# {STS_Names}; a server whose policy is secure must prove one of its names.
#
SSTS_Check
R$*			$: $>STS_disabled $1 $| $1
RYES $*			$@ ok
R$*			$: $&{rcpt_host}
R$@			$@ ok
R$*			$: $(macro {STS_Names} $) $(sts $1 $: ? $)
R$* < TMPF >		$#error $@ 4.7.0 $: "450 MTA-STS policy is not available"
Rsecure $+		$: $(stsxmatch $1 $: ? $)
R: $+			$: $(macro {STS_Names} $@ $1 $)
R$*			$@ ok

SSTS_secure
R$*			$: $&{STS_Names}
R$@			$@ ok
R$*			$: $&{verify} $| $1
R$={TlsVerified} $| $+	$@ $>STS_SAN $2
R$*			$#error $@ 4.7.0 $: "450 " $&{server_name} " is not authenticated as MTA-STS demands"

SSTS_SAN
R$*			$: $>TLS_NameInList $1
ROK			$@ ok
R$*			$#error $@ 4.7.0 $: "450 " $&{server_name} " is not a name that MTA-STS permits"

# is the name that the certificate proves in a list a:b:.c?
STLS_NameInList
R$* : $&{cn_subject} : $*	$@ OK
R$&{cn_subject} : $*	$@ OK
R$* : $&{cn_subject}	$@ OK
R$&{cn_subject}		$@ OK
R$*			$@ NO

SSet_SNI
R$*			$: $(stsxsni $1 $: ? $)

')dnl
