"""Python's HTTP clients against a virtual service: `clients.py URL [h2]`; prints JSON, one fact a key."""

import http.client
import json
import sys
import urllib.parse

url = sys.argv[1]
host = urllib.parse.urlsplit(url).netloc
body = b"p" * 100_000
facts = {}


def pieces():
    for at in range(0, len(body), 7_000):
        yield body[at : at + 7_000]


connection = http.client.HTTPConnection(host, timeout=10)
for name, arguments in {
    "get": ("GET", None),
    "length": ("POST", body),
    "chunked": ("POST", pieces()),
    "head": ("HEAD", None),
}.items():
    connection.request(arguments[0], "/echo", arguments[1], encode_chunked=name == "chunked")
    response = connection.getresponse()
    facts[f"http.client {name}"] = [response.status, len(response.read())]

try:
    import requests

    with requests.Session() as session:
        facts["requests"] = [
            [r.status_code, len(r.content)]
            for r in (session.get(f"{url}/echo"), session.post(f"{url}/echo", data=pieces()))
        ]
except ImportError:
    pass

if "h2" in sys.argv:
    try:
        import httpx

        with httpx.Client(http1=False, http2=True) as client:
            facts["httpx h2"] = [
                [r.status_code, len(r.content), r.http_version]
                for r in (client.get(f"{url}/echo"), client.post(f"{url}/echo", content=body))
            ]
    except ImportError:
        pass

print(json.dumps(facts))
