# revoked.sh: in the directory of certificates.sh, crls/ca.pem with cli.pem in it.
set -e
mkdir -p crls
: > index.txt
echo 01 > crlnumber
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n' > ca.cnf
openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -revoke cli.pem 2>/dev/null
openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -gencrl -out crls/ca.pem 2>/dev/null
