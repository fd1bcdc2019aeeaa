"""TLS servers and clients with OpenSSL.

Reads requests from standard input, one JSON object per line, and writes a response for each:

    {"id", "op": "set", "name", "chain", "key", "roots"}  ->  {"id", "port"}
    {"id", "op": "connect", "name", "server", "port"}     ->  {"id"} or {"id", "error"}
    {"id", "op": "refusal", "name"}                       ->  {"id", "error"}
"""

import json
import os
import socket
import ssl
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 60
output = threading.Lock()
folder = tempfile.mkdtemp()


class Identity:
    """A certificate, its key and the trusted roots, for both directions."""

    def __init__(self, name):
        self.path = os.path.join(folder, name)
        self.client = self.server = self.listener = None
        self.refusal = "none"

    def set(self, chain, key, roots):
        with open(self.path, "w") as file:
            file.write(key + chain)
        self.client = self.context(ssl.PROTOCOL_TLS_CLIENT, roots)
        server = self.context(ssl.PROTOCOL_TLS_SERVER, roots)
        server.num_tickets = 0
        self.server = server
        if self.listener is None:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            threading.Thread(target=self.accept, daemon=True).start()
        return self.listener.getsockname()[1]

    def context(self, protocol, roots):
        context = ssl.SSLContext(protocol)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(self.path)
        context.load_verify_locations(cadata=roots)
        return context

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(TIMEOUT)
        try:
            with self.server.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(b"!")
                tls.recv(1)
        except OSError as error:
            self.refusal = str(error)
            connection.close()

    def connect(self, server, port):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            with self.client.wrap_socket(connection, server_hostname=server) as tls:
                # In TLS 1.3 the server verifies the client after the client is done.
                if tls.recv(1) != b"!":
                    raise OSError("the server closed the connection")


identities = {}


def respond(request):
    response = {"id": request["id"]}
    name = request["name"]
    try:
        if request["op"] == "set":
            identity = identities.setdefault(name, Identity(name))
            response["port"] = identity.set(request["chain"], request["key"], request["roots"])
        elif request["op"] == "connect":
            identities[name].connect(request["server"], request["port"])
        else:
            response["error"] = identities[name].refusal
    except Exception as error:
        response["error"] = f"{type(error).__name__}: {error}"
    with output:
        print(json.dumps(response), flush=True)


with ThreadPoolExecutor(16) as pool:
    for line in sys.stdin:
        pool.submit(respond, json.loads(line))
