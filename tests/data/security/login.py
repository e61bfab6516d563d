"""login.py PORT MECHANISM USER PASSWORD [FROM TO]: logs in with Python's smtplib,
under STARTTLS when the server offers it, and sends a message. Prints what
became of it in one line."""
import smtplib, ssl, sys

port, mechanism, user, password = sys.argv[1:5]
try:
    server = smtplib.SMTP("127.0.0.1", int(port), timeout=20)
    server.ehlo("client.example.com")
    if server.has_extn("starttls"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        server.starttls(context=context)
        server.ehlo("client.example.com")
    server.user, server.password = user, password
    name = "auth_" + mechanism.lower().replace("-", "_")
    code, text = server.auth(mechanism, getattr(server, name))
    if len(sys.argv) > 5:
        refused = server.sendmail(sys.argv[5], [sys.argv[6]], b"Subject: by smtplib\r\n\r\nx\r\n")
        assert not refused
    server.quit()
    print(code, text.decode())
except smtplib.SMTPResponseException as fault:
    print(fault.smtp_code, fault.smtp_error.decode())
except smtplib.SMTPRecipientsRefused as fault:
    print(*list(fault.recipients.values())[0])
