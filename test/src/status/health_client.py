"""A foreign client of grpc.health.v1: Debian's python3-grpcio, messages by hand, no generated code.

usage: health_client.py ADDRESS CA [--cert CERT --key KEY | --token TOKEN] check|list|watch [SERVICE] [COUNT]
One JSON value a line on standard output: {"status": N}, {"statuses": {...}} or {"error": "NAME", "details": "..."}.
"""

import argparse
import json
import sys

import grpc


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        yield tag >> 3, value


def request(service):
    name = service.encode()
    return b"" if not name else bytes([0x0A, len(name)]) + name


def status(data):
    return dict(fields(data)).get(1, 0)


def statuses(data):
    found = {}
    for _, entry in fields(data):
        parts = dict(fields(entry))
        found[parts.get(1, b"").decode()] = status(parts.get(2, b""))
    return found


def say(value):
    print(json.dumps(value), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--token")
    parser.add_argument("method", choices=["check", "list", "watch"])
    parser.add_argument("service", nargs="?", default="")
    parser.add_argument("count", nargs="?", type=int, default=1)
    args = parser.parse_args()

    def read(path):
        with open(path, "rb") as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(
        read(args.ca), read(args.key) if args.key else None, read(args.cert) if args.cert else None
    )
    metadata = [("authorization", "Bearer " + args.token)] if args.token else []
    with grpc.secure_channel(args.address, credentials) as channel:
        path = "/grpc.health.v1.Health/"
        try:
            if args.method == "check":
                call = channel.unary_unary(path + "Check", request, status)
                say({"status": call(args.service, metadata=metadata, timeout=10)})
            elif args.method == "list":
                call = channel.unary_unary(path + "List", request, statuses)
                say({"statuses": call("", metadata=metadata, timeout=10)})
            else:
                call = channel.unary_stream(path + "Watch", request, status)
                for number, found in enumerate(call(args.service, metadata=metadata, timeout=60), 1):
                    say({"status": found})
                    if number == args.count:
                        break
        except grpc.RpcError as error:
            say({"error": error.code().name, "details": error.details()})
            return 1
    return 0


sys.exit(main())
