divert(-1)
dnl tls_session_features: TLS parameters for a session, out of the access table.
ifdef(`_ACCESS_', `', `_note_(`FEATURE(tls_session_features) without FEATURE(access_db) has no table to ask')')
define(`_TLS_FEATURES_', 1)
divert(181)dnl
#
# tls_srv_features, tls_clt_features: TLS parameters for this client, this server
#
Stls_srv_features
ifdef(`_ACCESS_', `R$* $| $*		$: $>D < $1 > < ? > < ! "TLS_Srv_Features" > < $2 >
R< ? > < $* >		$: $>A < $1 > < ? > < ! "TLS_Srv_Features" > < $1 >
R< ? > < $* >		$@ ""
R< $+ > < $* >		$@ $1
', `R$*			$@ ""
')dnl

divert(-1)
