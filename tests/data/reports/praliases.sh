# praliases: what the alias databases hold.
# Read by sh with helpers t and note; $R stands before every path of the site.
mkdir -p $R/var/hoststat $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
cp site.cf $R/etc/mail/sendmail.cf
printf 'postmaster: root\nteam: alice, bob,\n\tcarol@example.com\nme: "|/bin/cat x"\nUpper: lower\nlist: :include:/etc/mail/list\n' > $R/etc/mail/aliases
chmod 644 $R/etc/mail/aliases
t praliases
t newaliases
t 'praliases | sort'
t 'praliases team'
t 'praliases team me nobody'
t 'praliases TEAM'
t 'praliases upper'
t 'praliases Upper'
t 'praliases -f /nonexistent'
t 'praliases -f /nonexistent team'
printf 'one: two\n' > more; chmod 644 more
t "praliases -f $R/etc/mail/aliases team"
t "praliases -f hash:$R/etc/mail/aliases team"
t "praliases -f btree:$R/etc/mail/aliases team"
t "praliases -f nis:mail.aliases team"
t "praliases -f ldap: team"
t 'praliases -C /nonexistent.cf'
t 'praliases -C site.cf team'
t 'praliases -x'
t 'praliases -f'
t 'praliases -C'
sed 's,^O AliasFile=.*,O AliasFile=/etc/mail/aliases\,/etc/mail/more,' site.cf > $R/etc/mail/sendmail.cf
mv more $R/etc/mail/more
t newaliases
t 'praliases one team'
t 'praliases | sort'
grep -v AliasFile site.cf > none.cf
t 'praliases -C none.cf'
printf '' > notdb.db; t "praliases -f notdb"
printf 'garbage garbage garbage' > garb.db; t "praliases -f garb"
