# zone.sh PORT-OF-MAIL PORT-OF-NAMED PORT-OF-UNBOUND: in a directory where certs/ is, a signed zone dane.test, and
# another whose signatures have expired, served by BIND, validated by unbound. Runs until it is killed.
set -e
mail=$1 named=$2 unbound=$3
spki() { openssl x509 -in certs/$1.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64; }
far=$(spki far) srv=$(spki srv)
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout certs/sts.key -out certs/sts.csr -subj /CN=sts 2>/dev/null
printf 'subjectAltName=DNS:mx-sts.dane.test,DNS:mta-sts.sts-good.dane.test,DNS:mta-sts.sts-bad.dane.test,DNS:mta-sts.sts-soft.dane.test,DNS:mta-sts.sts-other.dane.test,DNS:mta-sts.sts-old.dane.test\n' > certs/sts.ext
openssl x509 -req -in certs/sts.csr -CA certs/ca.pem -CAkey certs/ca.key -CAcreateserial -days 30 -extfile certs/sts.ext -out certs/sts.pem 2>/dev/null
chmod 644 certs/*.pem
head='$TTL 60
@ SOA ns hostmaster 1 60 60 86400 60
@ NS ns
ns A 127.0.0.1'
{
	printf '%s\n' "$head"
	for name in right wrong absent bogus notls; do
		echo "$name MX 10 mx-$name"
		case $name in notls) echo "mx-$name A 127.0.0.82" ;; *) echo "mx-$name A 127.0.0.1" ;; esac
	done
	echo "_$mail._tcp.mx-right TLSA 3 1 1 $far"
	echo "_$mail._tcp.mx-wrong TLSA 3 1 1 $srv"
	echo "_$mail._tcp.mx-bogus TLSA 3 1 1 $far"
	echo "_$mail._tcp.mx-notls TLSA 3 1 1 $far"
	for pair in good:mx-sts bad:mx-absent soft:mx-absent other:mx-absent old:mx-old; do
		echo "sts-${pair%:*} MX 10 ${pair#*:}"
		echo "_mta-sts.sts-${pair%:*} TXT \"v=STSv1; id=1\""
		echo "mta-sts.sts-${pair%:*} A 127.0.0.84"
	done
	echo 'mx-sts A 127.0.0.83'
	echo 'mx-old A 127.0.0.85'
} > dane.test.zone
printf '%s\n@ MX 10 mx\nmx A 127.0.0.1\n_%s._tcp.mx TLSA 3 1 1 %s\n' "$head" $mail $far > old.test.zone
sign() { # ZONE, more options
	zone=$1; shift
	dnssec-keygen -q -a ECDSAP256SHA256 -f KSK $zone > ksk
	dnssec-keygen -q -a ECDSAP256SHA256 $zone > zsk
	cat $(cat ksk).key $(cat zsk).key >> $zone.zone
	dnssec-signzone -q -P -o $zone -k $(cat ksk) "$@" $zone.zone $(cat zsk) > /dev/null
	grep DNSKEY $(cat ksk).key > $zone.anchor
}
sign dane.test
sign old.test -s 20200101000000 -e 20200201000000
# Somebody on the way has changed a record.
awk '/^[^ \t;]/ { owner = $1 } owner ~ /_tcp.mx-bogus/ && $0 ~ /TLSA\t3 1 1/ { sub(/3 1 1/, "3 1 2") } { print }' \
	dane.test.zone.signed > changed
cmp -s changed dane.test.zone.signed && exit 1
mv changed dane.test.zone.signed
cat > named.conf <<END
options { directory "$PWD"; listen-on port $named { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none;
 session-keyfile "$PWD/session.key"; managed-keys-directory "$PWD"; };
controls { };
zone "dane.test" { type primary; file "dane.test.zone.signed"; };
zone "old.test" { type primary; file "old.test.zone.signed"; };
END
cat > unbound.conf <<END
server:
 interface: 127.0.0.1
 port: $unbound
 do-daemonize: no
 use-syslog: no
 logfile: "$PWD/unbound.log"
 verbosity: 1
 chroot: ""
 username: ""
 directory: "$PWD"
 pidfile: "$PWD/unbound.pid"
 do-not-query-localhost: no
 module-config: "validator iterator"
 trust-anchor-file: "$PWD/dane.test.anchor"
 trust-anchor-file: "$PWD/old.test.anchor"
 local-zone: "test." nodefault
remote-control:
 control-enable: no
stub-zone:
 name: "dane.test"
 stub-addr: 127.0.0.1@$named
stub-zone:
 name: "old.test"
 stub-addr: 127.0.0.1@$named
END
named -f -c named.conf 2> named.log & first=$!
unbound -d -c unbound.conf 2> unbound.err & second=$!
trap 'trap - TERM INT EXIT; kill $first $second; exit' TERM INT EXIT
echo ready
wait
