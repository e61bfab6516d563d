"""server.py PORT CERTIFICATE KEY AUTHORITY LOG [option...]: a far host with STARTTLS and AUTH, by Python's
ssl. Options: none (no STARTTLS), refuse (454 to it), drop (closes after 220), garbage (no TLS after 220),
inject (says more after 220, in the clear), badauth. Writes what it hears to LOG."""
import base64, hashlib, hmac, os, socket, ssl, sys, threading

port, certificate, key, authority, log = sys.argv[1:6]
options = sys.argv[6:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(authority)
context.verify_mode = ssl.CERT_OPTIONAL


def serve(connection):
    out = open(log, "a", buffering=1)
    lines, secure, challenge = connection.makefile("rb"), False, b"<1.2@remote.test>"

    def say(*texts):
        data = b"".join(text.encode() + b"\r\n" for text in texts)
        connection.sendall(data)

    def hear():
        line = lines.readline().rstrip(b"\r\n").decode("latin-1")
        out.write("C: " + line + "\n")
        return line

    say("220 remote.test ESMTP far")
    while True:
        line = hear()
        word = line.upper()
        if not line:
            return
        if word.startswith("EHLO"):
            offers = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
            offers += [] if secure or "none" in options else ["STARTTLS"]
            offers += ["REQUIRETLS"] if secure and "requiretls" in options else []
            offers += ["AUTH CRAM-MD5 PLAIN"] if secure else ["AUTH CRAM-MD5"]
            say("250-remote.test hello", *("250-" + offer for offer in offers), "250 HELP")
        elif word == "STARTTLS":
            if "refuse" in options:
                say("454 4.3.3 TLS not available")
                continue
            if "inject" in options:
                say("220 2.0.0 go ahead", "250 2.0.0 injected")
            else:
                say("220 2.0.0 go ahead")
            if "drop" in options:
                return connection.close()
            if "garbage" in options:
                connection.sendall(b"this is not TLS at all\r\n")
                return connection.close()
            connection = context.wrap_socket(connection, server_side=True)
            lines, secure = connection.makefile("rb"), True
            subject = (connection.getpeercert() or {}).get("subject", ())
            names = [value for part in subject for name, value in part if name == "commonName"]
            out.write("(%s, client certificate: %s)\n" % (connection.version(), names))
        elif word.startswith("AUTH CRAM-MD5"):
            say("334 " + base64.b64encode(challenge).decode())
            user, digest = base64.b64decode(hear()).decode().split(" ")
            right = hmac.new(b"s3cret", challenge, hashlib.md5).hexdigest()
            believed = user == "alice" and digest == right and "badauth" not in options
            say("235 2.7.0 ok" if believed else "535 5.7.8 no")
        elif word.startswith("AUTH"):
            say("535 5.7.8 no")
        elif word.startswith("DATA"):
            say("354 go")
            while hear() != ".":
                pass
            say("250 2.0.0 taken id=R1")
        elif word.startswith("QUIT"):
            say("221 2.0.0 bye")
            return connection.close()
        else:
            say("250 2.0.0 ok")


def guarded(connection):
    try:
        serve(connection)
    except Exception as fault:
        open(log, "a").write("(%s)\n" % type(fault).__name__)
        connection.close()


listener = socket.create_server((os.environ.get("ADDRESS", "127.0.0.1"), int(port)))
print("ready", flush=True)
while True:
    client, _ = listener.accept()
    client.settimeout(20)
    threading.Thread(target=guarded, args=(client,), daemon=True).start()
