"""policies.py ADDRESS CERTIFICATE KEY: a web server with MTA-STS policies, by the name it is asked under."""
import http.server, ssl, sys

HOSTS = {"good": "mx-sts.dane.test", "bad": "*.dane.test", "soft": "*.dane.test", "other": "mx-sts.dane.test", "old": "*.dane.test"}


class Policies(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.headers["Host"].split(".")[1].removeprefix("sts-")
        mode = "testing" if name == "soft" else "enforce"
        text = "version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n" % (mode, HOSTS[name])
        self.send_response(200 if self.path == "/.well-known/mta-sts.txt" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


server = http.server.ThreadingHTTPServer((sys.argv[1], 443), Policies)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
