#!/bin/sh
# Puts a message into /case/box, once for each address.
one=/case/one.$$
cat > $one
for to; do
	echo "To $to"
	cat $one
done >> /case/box
rm $one
