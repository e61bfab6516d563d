# certificates.sh: in the current directory, an authority, certificates it
# signed (srv, cli, far), one that has expired (old), one of another authority
# (evil).
set -e
ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
		-keyout $1.key -out $1.pem -subj "$2" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
}
certificate() { # NAME AUTHORITY DAYS HOST SUBJECT
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-keyout $1.key -out $1.csr -subj "$5" 2>/dev/null
	printf 'subjectAltName=DNS:%s\n' $4 > $1.ext
	openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days $3 \
		-extfile $1.ext -out $1.pem 2>/dev/null
}
ca ca '/O=Example Trust/CN=Example CA'
ca ca2 '/O=Other Trust/CN=Other CA'
certificate srv ca 3650 mail.example.org '/O=Example/CN=mail.example.org'
certificate cli ca 3650 client.example.com '/O=Example/OU=Users (test)/CN=client.example.com/emailAddress=cli@example.com'
certificate far ca 3650 remote.test '/O=Far/CN=remote.test'
certificate evil ca2 3650 evil.example.net '/O=Evil/CN=evil.example.net'
certificate old ca -1 old.example.com '/O=Example/CN=old.example.com'
chmod 600 *.key
chmod 644 *.pem
