# reference.sh: run in the reference's tree, in a network of its own, in /case,
# where godwit and certs/ are. Both programs send each other a message by each
# mechanism, under TLS; what became of it is printed.
PATH=/usr/libexec/sendmail:$PATH
python3 -c '
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flags = struct.unpack("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh", b"lo", 0))[:18])[1]
fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", flags | 1))'
waitport() { # PORT
	i=0
	while [ $i -lt 100 ]; do
		python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2>/dev/null && return
		i=$((i+1)); sleep 0.1
	done
	echo "port $1 never opened"
}
mechanisms='SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN'
common="define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confLOG_LEVEL', \`12')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confMCI_CACHE_SIZE', \`0')dnl
define(\`confCACERT_PATH', \`/case/certs/roots')dnl
define(\`confCACERT', \`/case/certs/ca.pem')dnl
define(\`confSERVER_CERT', \`/case/certs/srv.pem')dnl
define(\`confSERVER_KEY', \`/case/certs/srv.key')dnl
define(\`confCLIENT_CERT', \`/case/certs/cli.pem')dnl
define(\`confCLIENT_KEY', \`/case/certs/cli.key')dnl
define(\`confAUTH_MECHANISMS', \`$mechanisms')dnl
TRUST_AUTH_MECH(\`$mechanisms')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`no_default_msa')dnl
define(\`SMART_HOST', \`[127.0.0.1]')dnl"
site() { # NAME PORT FAR-PORT ACCESS-FILE, more lines: a configuration
	printf '%s\n' "OSTYPE(\`linux')dnl" "$common" "define(\`confDOMAIN_NAME', \`$1.example.org')dnl" \
		"define(\`RELAY_MAILER_ARGS', \`TCP \$h $3')dnl" "FEATURE(\`access_db', \`hash -o $4')dnl" \
		"DAEMON_OPTIONS(\`Port=$2, Addr=127.0.0.1, Name=MTA')dnl" "$5" \
		"MAILER(\`local')dnl" "MAILER(\`smtp')dnl"
}
account() { # MECHANISM REALM
	printf 'AuthInfo:127.0.0.1\t"U:alice" "P:s3cret" "R:%s" "M:%s"\nConnect:127.0.0.1\tRELAY\n' $2 $1
}
# One user of both.
mkdir -p g/etc/mail /etc/mail/sasl; : > /etc/mail/sendmail.cf
printf s3cret | saslpasswd2 -f /case/sasldb2 -p -c -u mail.example.org alice
chown 0:0 sasldb2; chmod 600 sasldb2; cp -p sasldb2 g/etc/sasldb2
printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /case/sasldb2\n' > /etc/mail/sasl/Sendmail.conf.2
# The reference: what it takes stays in its queue.
site mail 2500 2501 /case/access "define(\`confDELIVERY_MODE', \`queue')dnl
define(\`confSERVICE_SWITCH_FILE', \`/case/switch')dnl
FEATURE(\`mailertable', \`hash -o /case/mailertable')dnl
define(\`confPID_FILE', \`/case/pid')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`confREFUSE_LA', \`9999')dnl
define(\`confQUEUE_LA', \`9999')dnl" > mail.mc
m4 /usr/share/sendmail/cf/m4/cf.m4 mail.mc > mail.cf 2>/dev/null
printf 'hosts files\naliases files\n' > switch # There is no name server.
printf 'far.example\trelay:[127.0.0.1]\n' | makemap hash mailertable
sed '/^O DeliveryMode/d' mail.cf > submit.cf
site godwit 2501 2500 /etc/mail/access "define(\`confAUTH_REALM', \`mail.example.org')dnl
define(\`confTO_HOSTSTATUS', \`1s')dnl" > g/etc/mail/sendmail.mc
printf 'postmaster: root\n' > g/etc/mail/aliases
account PLAIN mail.example.org > g/etc/mail/access
mkdir -p /var/spool/mqueue; chmod 700 /var/spool/mqueue
/case/godwit --root /case/g run > g.out 2>&1 &
waitport 2501
for mechanism in $mechanisms; do
	account $mechanism mail.example.org > access; makemap hash access < access
	printf 'Subject: %s\n\nx\n' $mechanism |
		sendmail -C /case/submit.cf -odi -v -fa@mail.example.org $mechanism@far.example 2>&1 |
		grep -E '^(235|.*Sent|.*Deferred)' | sed "s/^/reference to us, $mechanism: /"
done
sendmail -C /case/mail.cf -bd
waitport 2500
for mechanism in $mechanisms; do
	account $mechanism mail.example.org > g/etc/mail/access
	/case/godwit --root /case/g makemap hash /case/g/etc/mail/access < g/etc/mail/access
	sleep 1.1 # The running daemon looks at its maps now and then.
	python3 -c "
import smtplib
s = smtplib.SMTP('127.0.0.1', 2501)
s.sendmail('a@mail.example.org', ['to-$mechanism@far.example'], 'Subject: x\r\n\r\nx\r\n')"
	i=0
	until grep -q "to=<to-$mechanism@far.example>.*stat=" g/var/log/maillog || [ $i -gt 100 ]; do
		i=$((i+1)); sleep 0.1
	done
done
kill $(head -1 pid)
grep -E 'STARTTLS=|AUTH=|to=<to-' g/var/log/maillog
cat g.out
