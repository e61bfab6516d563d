# hoststat, purgestat: how the last visit to each host ended.
# Read by sh as root, with helpers t and note; $R stands before every path of the site.
mkdir -p $R/var/hoststat $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
chmod 755 $R/var/hoststat
printf 'postmaster: root\n' > $R/etc/mail/aliases; chmod 644 $R/etc/mail/aliases
cp site.cf $R/etc/mail/sendmail.cf
note nothing known
t hoststat
t sendmail -bh -v
t purgestat
note no directory
rm -rf $R/var/hoststat
t hoststat
t purgestat
sed -i '/^O HostStatus/d' $R/etc/mail/sendmail.cf
t hoststat
t purgestat
t hoststat -Z
t purgestat -q
t hoststat -q
t sendmail -bC -q
t sendmail -bP -q
