divert(-1)
dnl sts: MTA-STS, asked of a resolver behind a socket map. The policy of a
dnl recipient's domain says which names its servers may have.
define(`_STS_', 1)
_kmap_(`sts', ifelse(defn(`_ARG_'), `', ``socket -d5 -T<TMPF> inet:5461@127.0.0.1'', `defn(`_ARG_')'))
_kmap_(`stsxmatch', `regex -a: -s2 (match=)(.*)')
_kmap_(`stsxnodaneflag', `regex -a@ -s3 (.*)(flags=)([^;]*d)(.*)')
_kmap_(`stsxsni', `regex -a: -s3 (.*)(servername=)(.*)')
_kmap_(`stsxsni2', `regex -a: -s2 (.*)(servername=.*)')
ifelse(defn(`_ARG2_'), `NO_SAN_TST', `', `define(`_sts_san_', 1)define(`_set_cert_altnames_', `true')')
define(`_strict_transport_', `true')
define(`_tls_fallback_', 1)
define(`_TLS_FEATURES_', 1)
